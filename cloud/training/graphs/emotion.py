"""Emotion: the quadrant of valence and arousal of a 5 s segment, from a minute of skin conductance, pulse and warmth.

The graph computes the features of `cloud.training.emotion_features` and judges by them as `emotion_judge` does (the
references that a test holds it to). All that it needs to know of the person, it carries in its states: begin with
zeros, and hand each run's `..._next` to the next. The numbers come from `recipes/emotion.json`, which `learn_emotion`
writes.
"""

from typing import Final, NamedTuple

from cloud.training import emotion_change as change
from cloud.training import emotion_features as plain
from cloud.training import emotion_judge as plain_judge
from cloud.training.bundle import Bundle, Card, TensorNote, bundle
from cloud.training.emotion_recipe import Recipe, read_recipe
from cloud.training.graphs.builder import INT64, Graph
from cloud.training.graphs.emotion_body import STATES, Body, body
from contract.emotions import LABEL_SET
from contract.manifest import Provenance

VERSION: Final = "2.1.0"
_MEANINGS: Final = {
    "baseline": f"what is normal for the person, per channel: {', '.join(plain.BASELINE_COLUMNS)}",
    "course": f"since the onset, per channel: {', '.join(plain.COURSE_COLUMNS)}",
    "change": f"per channel: {', '.join(change.CHANGE_COLUMNS)}",
    "rested": "segments of declared rest so far",
}


class _Judged(NamedTuple):
    """Names of what is said of a segment."""

    pushes: str
    probabilities: str
    confidence: str
    sureness: str


def build() -> Bundle:
    """The model of the task `emotion`."""
    return build_from(read_recipe())


def build_from(recipe: Recipe) -> Bundle:
    """The model with the numbers of any recipe."""
    graph = Graph("emotion")
    seen = body(graph)
    evidence = graph.mul(seen.features, _ramp(graph, seen.course))
    judged = _judged(graph, evidence, seen, recipe)
    valence, arousal = graph.split(_linear(graph, evidence, recipe.scale_weights, recipe.scale_bias), 2)
    features, classes = len(recipe.features), len(recipe.classes)
    graph.output("probabilities", judged.probabilities, [classes])
    graph.output("valence", _scale(graph, valence), [1])
    graph.output("arousal", _scale(graph, arousal), [1])
    graph.output("quality", seen.quality, [1])
    graph.output("confidence", judged.confidence, [1])
    graph.output("sureness", judged.sureness, [1])
    graph.output("stress", _stress(graph, seen.features, recipe), [1])
    graph.output("features", _flat(graph, seen.features), [features])
    graph.output("pushes", judged.pushes, [features, classes])
    graph.output("change_score", seen.change_score, [1])
    graph.output("cluster", _cluster(graph, seen.features, recipe), [1], INT64)
    graph.output("baseline_state", seen.baseline_state, [1], INT64)
    for name, shape in STATES.items():
        graph.output(f"{name}_next", seen.states[name], shape)
    graph.output("rest_next", graph.mul("rest", 0.0), [1])
    return bundle(graph.model(), _card(recipe))


def _ramp(graph: Graph, course: str) -> str:
    fading = str(graph.op("Exp", graph.mul(course, -1.0 / plain_judge.RAMP_SEGMENTS)))
    return graph.complement(graph.mul(fading, 1.0 - plain_judge.RAMP_FLOOR))


def _judged(graph: Graph, evidence: str, seen: Body, recipe: Recipe) -> _Judged:
    """Each feature's say for each class, what they add up to, and how sure that is."""
    standing = graph.op("Reshape", evidence, graph.constant([-1, 1], "int64"))
    pushes = graph.mul(str(standing), graph.constant(recipe.weights))
    odds = graph.add(graph.sum(pushes, [0]), graph.constant([recipe.bias]))
    shares = str(graph.op("Softmax", odds, axis=1))
    best, places = graph.op("TopK", shares, graph.constant([2], "int64"), outputs=2, axis=1)
    first, second = graph.split(best, 2)
    lead = graph.sub(first, second)
    guess, _ = graph.split(places, 2)
    usual = graph.op("Gather", graph.constant(recipe.usual_leads), guess, axis=0)
    had_time = graph.complement(str(graph.op("Exp", graph.mul(seen.course, -1.0 / plain_judge.RAMP_SEGMENTS))))
    clear_lead = graph.mul(graph.mul(lead, had_time), _clear(graph, evidence, seen.change_score, recipe))
    sureness = _flat(graph, graph.div(clear_lead, str(usual)))
    said = graph.div(lead, graph.add(lead, plain_judge.MARGIN_SCALE))
    bias, by_lead, by_course = recipe.confidence
    sure = graph.add(graph.mul(said, by_lead), graph.mul(seen.course, by_course / plain.COURSE))
    confidence = str(graph.op("Sigmoid", graph.add(sure, bias)))
    modest = _modest(graph, shares, first, confidence)
    return _Judged(pushes, _flat(graph, modest), _flat(graph, confidence), sureness)


def _clear(graph: Graph, evidence: str, change_score: str, recipe: Recipe) -> str:
    """By what a lead counts more, where such a body leads one to expect a rating far from the borders: `[1, 1]`."""
    moved = graph.op("Reshape", graph.div(change_score, graph.add(change_score, 1.0)), graph.constant([1, 1], "int64"))
    columns = str(graph.op("Concat", evidence, graph.abs(evidence), moved, axis=1))
    *weights, bias = recipe.clarity
    limit = plain_judge.CLARITY_LIMIT
    known = graph.clip(_linear(graph, columns, [[weight] for weight in weights], [bias]), -limit, limit)
    return str(graph.op("Exp", graph.mul(known, plain_judge.CLARITY_SAY)))


def _modest(graph: Graph, shares: str, best: str, confidence: str) -> str:
    """The shares drawn towards a blind guess until the best is no more than the confidence."""
    blind = plain_judge.BLIND
    room = graph.max(graph.sub(best, blind), 1e-6)
    kept = graph.clip(graph.div(graph.sub(confidence, blind), room), 0.0, 1.0)
    return graph.add(graph.mul(graph.sub(shares, blind), kept), blind)


def _linear(graph: Graph, row: str, weights: list[list[float]], bias: list[float]) -> str:
    return graph.add(str(graph.op("MatMul", row, graph.constant(weights))), graph.constant([bias]))


def _scale(graph: Graph, odds: str) -> str:
    """Probability of high less that of low."""
    return _flat(graph, str(graph.op("Tanh", graph.mul(odds, 0.5))))


def _stress(graph: Graph, features: str, recipe: Recipe) -> str:
    weights = [[weight] for weight in recipe.stress_weights]
    return _flat(graph, str(graph.op("Sigmoid", _linear(graph, features, weights, [recipe.stress_bias]))))


def _cluster(graph: Graph, features: str, recipe: Recipe) -> str:
    """The nearest prototype; of equally near ones the first."""
    apart = graph.sub(graph.constant(recipe.prototypes), features)
    distances = graph.sum(graph.mul(apart, apart), [1])
    return _flat(graph, str(graph.op("ArgMin", distances, axis=0, keepdims=1)))


def _flat(graph: Graph, value: str) -> str:
    return str(graph.op("Reshape", value, graph.constant([-1], "int64")))


def _card(recipe: Recipe) -> Card:
    return Card(
        name="emotion",
        version=VERSION,
        task="emotion",
        classes=tuple(recipe.classes),
        label_set=LABEL_SET,
        rate_hz=plain.RATE_HZ,
        notes=_notes(),
        provenance=Provenance(
            built_by="afferent", recipe="cloud/training/recipes/emotion.json", data=list(recipe.data)
        ),
        metrics=recipe.metrics,
        parameters={
            "channels": ",".join(plain.CHANNELS),
            "features": ",".join(recipe.features),
            "clusters": ",".join(recipe.clusters),
            "bias": recipe.bias,
            "segment_ms": round(plain.SEGMENT_S * 1000),
            "decide_above": recipe.decide_above,
            "sure_above": recipe.sure_above,
            "least_quality": recipe.least_quality,
            "rest_segments": round(plain.REST_SEGMENTS),
        },
        limits=(
            "Right in 4 of 10 segments of a person it does not know, where other viewers of the same film are right "
            "in 7. An aid for annotators, no judgement. Learned from 20 seated people who watched eight films."
        ),
    )


def _notes() -> dict[str, TensorNote]:
    channels = ", ".join(plain.CHANNELS)
    before = {name: TensorNote(state=True, meaning=f"{said}; zeros at first") for name, said in _MEANINGS.items()}
    after = {f"{name}_next": TensorNote(state=True, meaning=f"`{name}` of the next segment") for name in _MEANINGS}
    return {
        "signals": TensorNote(meaning=f"the past minute of {channels}, oldest first; anything where invalid"),
        "valid": TensorNote(meaning="1 where `signals` has a value"),
        "onset": TensorNote(meaning="1 in the first segment of a viewing, else 0"),
        "rest": TensorNote(
            state=True, meaning="1 in a segment of a declared rest; a host that knows of none carries the zero on"
        ),
        "rest_next": TensorNote(state=True, meaning="always 0: a rest is declared for each of its segments"),
        "probabilities": TensorNote(
            meaning="of each class, in the order of `classes`; the greatest is no more than `confidence`"
        ),
        "valence": TensorNote(meaning="probability of high less that of low valence, -1 to 1"),
        "arousal": TensorNote(meaning="probability of high less that of low arousal, -1 to 1"),
        "quality": TensorNote(meaning="share of the last half minute with plausible values, and acquaintance, 0 to 1"),
        "confidence": TensorNote(meaning="probability that the likeliest class is the right one"),
        "sureness": TensorNote(
            meaning="how clear the likeliest class and a rating of such a body are; 1 is the middle of what is usual"
        ),
        "stress": TensorNote(meaning="probability of a stressor rather than rest, both being as frequent"),
        "features": TensorNote(meaning="in the order of the parameter `features`", unit="SD of the person"),
        "pushes": TensorNote(
            meaning="what each feature adds to each class; with the parameter `bias` they add up to the logits",
            unit="log-odds",
        ),
        "change_score": TensorNote(meaning="how much the body has changed; 1 is a change, and the sum begins anew"),
        "cluster": TensorNote(meaning="the nearest prototype, counted from 0 in the parameter `clusters`"),
        "baseline_state": TensorNote(meaning="0 no rest was declared, 1 not enough of it yet, 2 complete"),
        **before,
        **after,
    }
