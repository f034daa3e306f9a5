"""Pulls an artifact with the oras SDK, and prints its manifest."""

import json
import sys

import oras.client

where, folder = sys.argv[1:]
client = oras.client.OrasClient(insecure=True, tls_verify=False)
client.pull(target=where, outdir=folder)
print(json.dumps(client.get_manifest(client.get_container(where))))
