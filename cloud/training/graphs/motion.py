"""Motion: which pixels are not the background, by sample consensus, with all of its memory as tensors.

Each pixel keeps `SAMPLES` brightness values that were background once. A pixel that lies farther than `threshold` from
all but one of them is foreground (Barnich and Van Droogenbroeck, "ViBe", IEEE TIP 2011; a threshold that grows with the
pixel's own noise: St-Charles et al., "SuBSENSE", IEEE TIP 2015). No weights: nothing was learned from recordings.

The picture comes with the gain and offset that bring it to the light in which the samples were taken, so that what the
camera's own exposure does is no motion.

A frame writes at most one sample plane. The planes are a queue: `sample_next` enters behind the last, `sample_0`, whose
values it carries on where nothing is learned, leaves. Who runs the graph renames N + 1 buffers and copies none. Choices
by `Where` are arithmetic instead, which onnxruntime runs three times faster.
"""

from typing import Final

from cloud.training.bundle import Bundle, Card, TensorNote, bundle
from cloud.training.graphs.builder import FLOAT, UINT8, Graph
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
    picture = graph.cast(graph.input("luma", PLANE, UINT8), FLOAT)
    gain, offset = graph.input("gain", [1]), graph.input("offset", [1])
    luma = graph.add(graph.mul(picture, gain), offset)
    chance = graph.input("chance", PLANE)
    threshold, rate, blind, age_limit = (graph.input(name, [1]) for name in ("threshold", "rate", "blind", "age_limit"))
    noise, age = graph.input("noise", PLANE), graph.input("age", PLANE)
    samples = [graph.input(f"sample_{index}", PLANE) for index in range(SAMPLES)]

    differences = [graph.sub(sample, luma) for sample in samples]
    nearest, second = _two_nearest(graph, [graph.abs(difference) for difference in differences])
    far = graph.greater(second, graph.max(graph.mul(noise, NOISE_GAIN), threshold))
    near, mask = _tidy(graph, far)
    foreground = graph.max(mask, far)
    background = graph.complement(foreground)
    aged = graph.mul(graph.add(age, 1.0), foreground)
    surprise = graph.sub(graph.clip(nearest, NOISE_FLOOR, NOISE_LIMIT), noise)
    may_learn = graph.max(background, graph.greater(aged, age_limit), blind)
    learns = graph.less(chance, graph.mul(may_learn, rate))

    graph.output("mask", graph.cast(graph.mul(mask, 255.0), UINT8), PLANE, UINT8)
    graph.output(
        "noise_next", graph.add(noise, graph.mul(graph.mul(graph.complement(near), NOISE_RATE), surprise)), PLANE
    )
    graph.output("age_next", aged, PLANE)
    graph.output("sample_next", graph.sub(samples[0], graph.mul(learns, differences[0])), PLANE)
    return bundle(graph.model(), _card())


def _two_nearest(graph: Graph, distances: list[str]) -> tuple[str, str]:
    """The least of the distances and the next by a network of minima and maxima: no sort, no big tensor."""
    nearest, second = graph.min(*distances[:2]), graph.max(*distances[:2])
    for distance in distances[2:]:
        second = graph.min(second, graph.max(nearest, distance))
        nearest = graph.min(nearest, distance)
    return nearest, second


def _tidy(graph: Graph, far: str) -> tuple[str, str]:
    """The mask by the majority of the neighbourhood, widened, and with small holes closed.

    Noise is learned outside of the first: what flickers alone, as leaves do, is noise, and what moves is not.
    """
    mask = graph.greater(graph.mean_filter(far, MAJORITY), MOST)
    wide = graph.dilate(mask, CLOSING)
    return wide, graph.erode(wide, CLOSING)


def _card() -> Card:
    samples = {
        f"sample_{index}": TensorNote(state=True, unit="luma", meaning=f"background sample {index}, 0 the oldest")
        for index in range(SAMPLES)
    }
    return Card(
        name="motion",
        version="2.0.1",
        task="motion",
        notes={
            "luma": TensorNote(unit="luma", meaning="brightness of the picture at analysis size, 0 to 255"),
            "gain": TensorNote(meaning="the luma times this, plus `offset`, is as bright as the samples"),
            "offset": TensorNote(unit="luma", meaning="see `gain`; 1 and 0 where the light is the one of the samples"),
            "chance": TensorNote(meaning="fresh uniform random numbers in 0..1: which pixels learn"),
            "threshold": TensorNote(unit="luma", meaning="distance from the background that counts; less sees more"),
            "rate": TensorNote(meaning="share of background pixels that learn from this frame"),
            "blind": TensorNote(meaning="foreground learns at this share of the rate, more than 0 only after a start"),
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
