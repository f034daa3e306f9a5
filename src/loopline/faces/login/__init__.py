"""login: how people get in with a browser, and devices with the help of people.

A *session* is a browser's cookie, made from a token or a login at an OpenID provider. A *device* is a command line that waits
until somebody allows it in a browser (RFC 8628). Never here: what they may do then.
"""
