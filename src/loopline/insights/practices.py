"""practices: 28 things that careful teams do, seven in each section, in our own words.

They are those of Breck, Cai, Nielsen, Salib and Sculley, "The ML Test Score: A Rubric for ML Production Readiness and Technical
Debt Reduction" (IEEE Big Data 2017).
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Section = Literal["data", "model", "infrastructure", "monitoring"]
SECTIONS: Final[tuple[Section, ...]] = ("data", "model", "infrastructure", "monitoring")


class Listed(NamedTuple):
    """One practice, and what would bring it about."""

    name: str
    section: Section
    text: str
    step: str


PRACTICES: Final = (
    Listed("data-expectations", "data", "What each column may hold is written down, and new data are held against it.",
           "declare a check for the branch in loopline.toml, and require it in a policy"),
    Listed("inputs-earn-their-place", "data", "It was measured what each input of a model adds to it.",
           "compare runs with and without an input: loopline compare"),
    Listed("inputs-are-affordable", "data", "No input costs more, in time or upkeep, than it brings.",
           "ask which input would be missed least"),
    Listed("input-rules", "data", "A check sees to it that models use no input that the house does not allow.",
           "write the allowed columns into a check of the model"),
    Listed("privacy", "data", "Personal data are guarded all along the pipeline, and only those see them who must.",
           "name columns under redact in the recording of the service"),
    Listed("new-inputs-fast", "data", "A new input gets from an idea to production in days.",
           "look at the data-to-decision lead time of the last one"),
    Listed("input-code-tested", "data", "The code that makes inputs has tests of its own.",
           "declare a check that runs them, and require it for code"),
    Listed("models-reviewed", "model", "What makes a model is versioned, and somebody else looks at it before it is used.",
           "require an approval for the alias of the model in a policy"),
    Listed("offline-means-online", "model", "What is measured before a move foretells what is measured in production.",
           "hold loopline quality against the verdicts of the model's change"),
    Listed("parameters-tuned", "model", "Parameters of the training were searched for, not guessed.",
           "run the pipeline with several: loopline run NAME --param …"),
    Listed("cost-of-age", "model", "It is known how much worse a model gets by the week.",
           "look at loopline quality by window for a model that stayed"),
    Listed("simple-baseline", "model", "A simpler model was tried, and is worse.",
           "train one, and compare it on the same rows: loopline compare"),
    Listed("slices", "model", "Quality is measured for the slices that matter, not for all rows alone.",
           "name slices in the check of the model"),
    Listed("fairness", "model", "It was looked at whether a model treats groups of people differently.",
           "name those groups as slices, and bound the difference in a policy"),
    Listed("reproducible-training", "infrastructure", "Training again on the same data gives the same model.",
           "loopline reproduce the version that is in production"),
    Listed("model-code-tested", "infrastructure", "The code that trains and predicts has tests of its own.",
           "declare a check that runs them, and require it for code"),
    Listed("whole-pipeline-tested", "infrastructure", "The whole pipeline runs as a test, from data to a model.",
           "let a trigger run the pipeline: [triggers.NAME] in loopline.toml"),
    Listed("quality-before-serving", "infrastructure", "A model is measured before it is served, and a worse one is not.",
           "require checks or metrics for the alias in a policy"),
    Listed("debuggable", "infrastructure", "One prediction can be followed, step by step, to what made it.",
           "keep predictions: loopline predictions, loopline why"),
    Listed("canary", "infrastructure", "A new model meets a small part of the traffic first.",
           "let the change roll over steps in place of moving at once"),
    Listed("rollback", "infrastructure", "Going back to the model before is quick, and was tried.",
           "try it on a quiet day: loopline rollback --no-quarantine"),
    Listed("upstream-changes", "monitoring", "Somebody is told when what one depends on changes.",
           "loopline subscribe mailto:… --kind change.applied"),
    Listed("data-invariants", "monitoring", "What is served is held against what inputs must always be.",
           "declare a monitor of kind data for the service"),
    Listed("training-serving-skew", "monitoring", "What is served is held against what was trained on.",
           "declare a monitor of kind drift for the service"),
    Listed("model-age", "monitoring", "A model does not get too old: something sees to a new one.",
           "declare a trigger that runs the training and proposes what it made"),
    Listed("numerically-sound", "monitoring", "NaN and infinity, in training and in answers, are noticed.",
           "let the check of the model fail on them"),
    Listed("speed", "monitoring", "It is noticed when serving gets slower, or takes more memory.",
           "declare objectives or a monitor of kind service"),
    Listed("quality-in-production", "monitoring", "Quality is measured on what was served, and a loss is an alert.",
           "declare a monitor of kind quality, and send labels: loopline label"),
)  # fmt: skip
