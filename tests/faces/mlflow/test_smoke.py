def test_smoke(tracker):
    """x."""
    t=tracker
    print(t.post("registered-models/create", name="delay", tags=[{"key":"a","value":"b"}], description="d"))
    print(t.get("registered-models/get", name="delay"))
    print(t.refused("POST","registered-models/create", {"name":"delay"}))
    run=t.run()
    print(t.refused("POST","model-versions/create", {"name":"delay","source":f"runs:/{run}/model","run_id":run}))
    t.post("registered-models/create", name="p", tags=[{"key":"mlflow.prompt.is_prompt","value":"true"}])
    v=t.post("model-versions/create", name="p", source="prompt-template", tags=[{"key":"mlflow.prompt.is_prompt","value":"true"},{"key":"mlflow.prompt.text","value":"hi {{x}}"}])
    print(v)
    t.post("registered-models/alias", name="p", alias="prod", version="1")
    t.post("model-versions/transition-stage", name="p", stage="staging", version="1")
    print(t.get("registered-models/get", name="p"))
    print(t.get("registered-models/alias", name="p", alias="prod"))
    t.say("DELETE","model-versions/delete",{"name":"p","version":"1"})
    print(t.get("registered-models/get", name="p"))
    with t.served.loop.ledger.read() as tx:
        for e in tx.feed.list("test") or tx.feed.list(t.served.loop.project): print(e.kind,e.subject,e.payload)
