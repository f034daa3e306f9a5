"""mcp: what an assistant may ask, by the Model Context Protocol. What is spoken is in README.md.

A *tool* is a piece of an engineer's work, made of one or a few verbs; *asking* is how they reach the loop: of a server for the
caller of a request, or of the loop here for `loopline mcp`. Never here: an answer to a change, which is a person's.

offer     which tools there are             wire      schemas, from the verbs' types
reading   tools that change nothing         fitting   an answer cut to a size
moving    tools that write                  telling   an answer in words
asking    how tools reach verbs             errors    what went wrong, as a tool says it
requests  the same on a server              translate one call, from arguments to an answer
speaking  the SDK's side, which is an extra routes    POST /mcp
"""
