"""Motion: which pixels are not the background, by sample consensus, with all of its memory as tensors.

Each pixel keeps `SAMPLES` brightness values that were background once. A pixel that lies farther than `threshold` from
all but one of them is foreground (Barnich and Van Droogenbroeck, "ViBe", IEEE TIP 2011; a threshold that grows with the
pixel's own noise: St-Charles et al., "SuBSENSE", IEEE TIP 2015). No weights: nothing was learned from recordings.

The picture comes in the light in which the samples were taken, so that what the camera's own exposure does is no
motion. It, the samples and their distances are bytes, as the camera's own brightness is: onnxruntime (1.24 and later)
takes sixteen of them at a time, a quarter as long as floats take. What changes by less than one luma, the noise, is a
float, and so is what is pooled.

A frame writes at most one sample plane. The planes are a queue: `sample_next` enters behind the last, `sample_0`, whose
values it carries on where nothing is learned, leaves. Who runs the graph renames N + 1 buffers and copies none.
"""

from typing import Final

from cloud.training.bundle import Bundle, Card, TensorNote, bundle
from cloud.training.graphs.builder import BOOL, FLOAT, UINT8, UINT16, Graph
from contract.manifest import Provenance

SAMPLES: Final = 10
NOISE_GAIN: Final = 6.0
"""The threshold is at least this many times the pixel's usual distance to its nearest sample."""
NOISE_RATE: Final = 0.05
NOISE_FLOOR, NOISE_LIMIT = 0.01, 16.0
"""The floor keeps the noise of a perfectly still pixel from decaying into denormal numbers, which are slow."""
MAJORITY: Final = 5
"""Side of the neighbourhood whose majority decides: removes speckle, keeps people."""
MOST: Final = 0.51
"""The share that is a majority: a hair more than half, so that a tie is one on every machine."""
CLOSING: Final = 5
PLANE: Final = (1, 1, "height", "width")


def build() -> Bundle:
    """The model of the task `motion`."""
    graph = Graph("motion")
    luma = graph.input("luma", PLANE, UINT8)
    chance = graph.input("chance", PLANE, UINT16)
    rate, blind = graph.input("rate", [1], UINT16), graph.input("blind", [1], UINT16)
    threshold, age_limit = graph.input("threshold", [1]), graph.input("age_limit", [1])
    noise, age = graph.input("noise", PLANE), graph.input("age", PLANE)
    samples = [graph.input(f"sample_{index}", PLANE, UINT8) for index in range(SAMPLES)]

    nearest, second = _two_nearest(graph, luma, samples)
    limit = graph.cast(graph.clip(graph.mul(noise, NOISE_GAIN), threshold, 255.0), UINT8)
    far = graph.above(second, limit)
    calm, still = _tidy(graph, far)
    moving = graph.no(graph.cast(still, BOOL))
    foreground = graph.either(moving, far)
    aged = graph.mul(graph.add(age, 1.0), graph.cast(foreground, FLOAT))
    may_learn = graph.either(graph.no(foreground), graph.above(aged, age_limit))
    learns = graph.either(graph.both(may_learn, graph.above(rate, chance)), graph.above(blind, chance))
    surprise = graph.sub(graph.clip(graph.cast(nearest, FLOAT), NOISE_FLOOR, NOISE_LIMIT), noise)

    graph.output("mask", graph.mul(graph.cast(moving, UINT8), graph.constant(255, "uint8")), PLANE, UINT8)
    graph.output("noise_next", graph.add(noise, graph.mul(graph.mul(calm, NOISE_RATE), surprise)), PLANE)
    graph.output("age_next", aged, PLANE)
    graph.output("sample_next", graph.choose(learns, luma, samples[0]), PLANE, UINT8)
    return bundle(graph.model(), _card())


def _two_nearest(graph: Graph, luma: str, samples: list[str]) -> tuple[str, str]:
    """The least distance of `luma` from the samples and the next, by a network of minima and maxima: no sort."""
    nearest, nexts = graph.distance(samples[0], luma), []
    for sample in samples[1:]:
        distance = graph.distance(sample, luma)
        nexts.append(graph.max(nearest, distance))
        nearest = graph.min(nearest, distance)
    return nearest, graph.min(*nexts)


def _tidy(graph: Graph, far: str) -> tuple[str, str]:
    """Where nothing moves (1.0, else 0.0), twice: far from what does, and with small holes of what does closed.

    The majority of the neighbourhood decides what moves; it is widened, and narrowed again. Noise is learned only far
    from it: what flickers alone, as leaves do, is noise, and what moves is not.
    """
    share = graph.mean_filter(graph.cast(far, FLOAT), MAJORITY, at_once=True)
    calm = graph.less(graph.dilate(share, CLOSING), MOST)
    return calm, graph.dilate(calm, CLOSING)


def _card() -> Card:
    samples = {
        f"sample_{index}": TensorNote(state=True, unit="luma", meaning=f"background sample {index}, 0 the oldest")
        for index in range(SAMPLES)
    }
    return Card(
        name="motion",
        version="3.0.0",
        task="motion",
        notes={
            "luma": TensorNote(
                unit="luma", meaning="brightness of the picture at analysis size, in the light of the samples"
            ),
            "chance": TensorNote(meaning="fresh uniform random numbers in 0..65534: which pixels learn"),
            "threshold": TensorNote(unit="luma", meaning="distance from the background that counts; less sees more"),
            "rate": TensorNote(meaning="how many of 65536 background pixels learn from this frame; 65535 for all"),
            "blind": TensorNote(meaning="how many of 65536 foreground pixels do, more than 0 only after a start"),
            "age_limit": TensorNote(unit="frames", meaning="foreground older than this becomes background"),
            "noise": TensorNote(state=True, unit="luma", meaning="usual distance to the nearest sample"),
            "age": TensorNote(state=True, unit="frames", meaning="how long a pixel has been foreground"),
            **samples,
            "mask": TensorNote(meaning="255 moving, 0 background"),
            "noise_next": TensorNote(state=True, unit="luma", meaning="`noise` of the next frame"),
            "age_next": TensorNote(state=True, unit="frames", meaning="`age` of the next frame"),
            "sample_next": TensorNote(
                state=True, unit="luma", meaning="last sample of the next frame; the others move up by one"
            ),
        },
        provenance=Provenance(built_by="afferent", recipe="cloud.training.graphs.motion"),
        parameters={
            "samples": SAMPLES,
            "threshold": 13.0,
            "rate": 0.25,
            "blind_frames": 20,
            "fading_frames": 150,
            "fading": 5.0,
            "start_rate": 0.5,
            "noise_start": 4.0,
            "test_height": 90,
            "test_width": 160,
        },
        limits="For a camera that stands still: who runs this takes a shake of a few pixels out of the picture before. "
        "The shadow of a thing moves with it.",
    )
