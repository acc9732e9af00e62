"""The end report of a session: one page of HTML for the screen and for paper, that needs nothing besides itself."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from contract.emotions import EMOTIONS, UNKNOWN, emotion_of
from contract.messages import Prediction
from contract.sessions import SessionLabel, SessionMarker, Stimulus
from edge.affect.sessions.kept import KeptSession
from edge.affect.sessions.plots import Axis, Block, Line, curves, runs_of, timeline
from edge.affect.sessions.report_style import CONTENT_POLICY, STYLE
from edge.affect.sessions.wording import moment_said

SEGMENT_MS: Final = 5000
_SIGNALS: Final = (
    ("hr_bpm", "Heart rate, beats a minute"),
    ("rmssd_ms", "Heart rate variability (RMSSD), ms"),
    ("scl_us", "Skin conductance level, microsiemens"),
    ("scr_count", "Skin conductance responses in each segment"),
    ("skin_c", "Skin temperature, degrees Celsius"),
)
_ROWS: Final = 500
"""Rows of a table; a report is to be read."""
_BREAK_MS: Final = 5000
"""A trace with less than a point in so long was broken off."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Everything that the report tells."""

    kept: KeptSession
    labels: Sequence[SessionLabel]
    """Of traces so many points as can be drawn."""
    points: int
    """Of traces, all of them."""
    markers: Sequence[SessionMarker]
    segments: Sequence[Prediction]
    stimulus: Stimulus | None
    written_ms: int


def render(found: Findings) -> str:
    """The report as one page of HTML that needs no other file."""
    end_ms = max([found.kept.end_ms or found.written_ms, *(one.end_ms for one in found.segments[-1:])])
    axis = Axis(found.kept.start_ms, end_ms)
    sections = [
        _summary(found),
        _emotion(found, axis),
        _affect(found, axis),
        _signals(found, axis),
        _change(found, axis),
        _said(found),
        _marked(found),
        _checked(found),
    ]
    kept = found.kept
    title = escape(f"{kept.participant} · {_shown(found)} · {moment_said(kept.start_ms)}")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><h1>{title}</h1>"
        f'<p class="note">Session {escape(kept.session_id)}</p>{"".join(sections)}</main></body></html>'
    )


def _summary(found: Findings) -> str:
    kept, segments = found.kept, found.segments
    consent = kept.consent
    agreed = f"version {consent.text_version}, {moment_said(consent.at_ms)}" if consent else "none was recorded"
    if consent and consent.witness:
        agreed += f", recorded by {consent.witness}"
    undecided = sum(one.probe is None for one in segments)
    models = sorted({f"{one.model} {one.model_version}" for one in segments})
    counts = Counter(one.baseline for one in segments if one.baseline)
    baselines = [f"{name} in {count} of {len(segments)} segments" for name, count in counts.items()]
    lasted = _length((kept.end_ms or found.written_ms) - kept.start_ms)
    rows = [
        ("Participant", kept.participant),
        ("Began", moment_said(kept.start_ms)),
        ("Ended", f"{moment_said(kept.end_ms)} ({kept.reason or 'stopped'})" if kept.end_ms else "it still runs"),
        ("Lasted", lasted),
        ("Stimulus", _stimulus(found)),
        ("Sensor", kept.sensor or "none of its own"),
        ("Clock", "kept by a time server" if kept.clock_trusted else "not trusted: nothing kept the wall clock"),
        ("Consent", agreed),
        ("Segments", f"{len(segments)}, of which {undecided} undecided"),
        ("Models", ", ".join(models) or "none"),
        ("Baseline", ", ".join(baselines) or "not told"),
        ("Labels", f"{sum(one.source != 'trace' for one in found.labels)}, and {found.points} points of traces"),
    ]
    return (
        f'<dl class="facts">{"".join(f"<div><dt>{name}</dt><dd>{escape(said)}</dd></div>" for name, said in rows)}</dl>'
    )


def _stimulus(found: Findings) -> str:
    numbered = found.kept.stimulus is not None and found.kept.video_id is not None
    return f"{_shown(found)}{f' (video {found.kept.video_id})' if numbered else ''}"


def _shown(found: Findings) -> str:
    if found.kept.stimulus is None:
        return "no stimulus" if found.kept.video_id is None else f"video {found.kept.video_id}"
    return found.stimulus.title if found.stimulus and found.stimulus.title else found.kept.stimulus


def _emotion(found: Findings, axis: Axis) -> str:
    if not found.segments:
        return "<section><h2>Emotion</h2><p>Nothing was predicted in this session.</p></section>"
    blocks = [
        Block(
            one.start_ms,
            one.end_ms,
            emotion_of(one.probe).color,
            _words(one, found.kept.start_ms),
            partial=one.end_ms - one.start_ms < SEGMENT_MS,
        )
        for one in found.segments
    ]
    marks = [(one.at_ms, f"{_offset(one.at_ms, found)} {one.name}") for one in found.markers]
    counts = Counter(str(one.probe or "") for one in found.segments)
    keys = [(f"{probe} {emotion.name}", emotion.color, probe) for probe, emotion in EMOTIONS.items()]
    shares = "".join(
        f'<span class="swatch"><svg viewBox="0 0 10 10"><rect width="10" height="10" fill="{color}"/></svg>'
        f"{escape(name)}: {counts[probe] / len(found.segments):.0%}</span>"
        for name, color, probe in [*keys, ("not sure", UNKNOWN.color, "")]
    )
    drawn = timeline(axis, blocks, marks, label="Emotion over time")
    said = "Each block is one segment, by its time. Empty: nothing is known. Dashed: the last, partial segment."
    return f'<section><h2>Emotion</h2>{drawn}<p class="legend">{shares}</p><p class="note">{said}</p></section>'


def _affect(found: Findings, axis: Axis) -> str:
    lines = [
        Line(name.capitalize(), name, runs_of((one.start_ms, one.end_ms, getattr(one, name)) for one in found.segments))
        for name in ("valence", "arousal")
    ]
    plots = [
        _figure(
            f"{line.name}: estimate (coloured) and what the participant said (dots, thin line)",
            curves(axis, [line, _trace(found, line.css)], bounds=(-1.0, 1.0), dots=_dots(found, line.css), height=90),
        )
        for line in lines
    ]
    return _section("Valence and arousal", plots)


def _trace(found: Findings, name: str) -> Line:
    points = [(one.at_ms, getattr(one, name)) for one in found.labels if one.source == "trace"]
    following = [at for at, _ in points[1:]] + [0]
    ends = [max(at, min(later, at + _BREAK_MS)) for (at, _), later in zip(points, following, strict=False)]
    spans = ((at, end, value) for (at, value), end in zip(points, ends, strict=True))
    return Line("said", "trace", runs_of(spans))


def _dots(found: Findings, name: str) -> list[tuple[float, float, str]]:
    dots = []
    for label in found.labels:
        value = getattr(label, name) if label.source != "trace" else None
        if value is None and label.probe:
            value = 0.5 if label.probe[["valence", "arousal"].index(name)] == "H" else -0.5
        if value is not None:
            dots.append((float(label.at_ms), float(value), f"{_offset(label.at_ms, found)} {_said_of(label)}"))
    return dots[:_ROWS]


def _signals(found: Findings, axis: Axis) -> str:
    plots = [
        _figure(
            words, curves(axis, [Line(words, "signal", _runs(found, name))], bounds=_counted(found, name), height=80)
        )
        for name, words in _SIGNALS
    ]
    return _section("Body signals", plots)


def _counted(found: Findings, name: str) -> tuple[float, float] | None:
    """Counts begin at none."""
    values = [one.signals[name] for one in found.segments if name in one.signals]
    return (0.0, max(2.0, *values)) if name.endswith("_count") and values else None


def _runs(found: Findings, name: str) -> list[list[tuple[float, float]]]:
    return runs_of((one.start_ms, one.end_ms, one.signals.get(name)) for one in found.segments)


def _change(found: Findings, axis: Axis) -> str:
    change = Line("Change", "change", runs_of((one.start_ms, one.end_ms, one.change_score) for one in found.segments))
    quality = Line("Quality", "quality", runs_of((one.start_ms, one.end_ms, one.quality) for one in found.segments))
    bounds = (0.0, max([1.5, *(value for run in change.runs for _, value in run)]))
    change_plot = curves(axis, [change], bounds=bounds, height=80)
    quality_plot = curves(axis, [quality], bounds=(0.0, 1.0), height=60)
    said = "Change score; 1 is what the body's own past calls a change"
    return _section("Change and quality", [_figure(said, change_plot), _figure("Signal quality, 0 to 1", quality_plot)])


def _said(found: Findings) -> str:
    spoken = [label for label in found.labels if label.source != "trace"]
    rows = [
        (_offset(one.at_ms, found), _place(one.stimulus_ms), _said_of(one), one.source, one.reason or "not asked")
        for one in spoken
    ]
    return _table("Labels", ("Time", "Stimulus", "Said", "How", "Asked because"), rows)


def _marked(found: Findings) -> str:
    rows = [(_offset(one.at_ms, found), _place(one.stimulus_ms), one.name, one.note) for one in found.markers]
    return _table("Markers and notes", ("Time", "Stimulus", "Marker", "Note"), rows)


def _checked(found: Findings) -> str:
    checks = _table(
        "Check list before the start",
        ("What", "State", "Found"),
        [(one.name.capitalize(), one.state, one.detail) for one in found.kept.checks],
    )
    overruled = "".join(f"<li>{escape(warning)}</li>" for warning in found.kept.warnings)
    said = "begun by another program, without it" if found.kept.external else "overruled by who led the session"
    return checks + (f'<p class="note">Warnings, {said}:</p><ul>{overruled}</ul>' if overruled else "")


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return f"<section><h2>{title}</h2><p>None.</p></section>"
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows[:_ROWS])
    more = f'<p class="note">{len(rows) - _ROWS} more are not shown.</p>' if len(rows) > _ROWS else ""
    return (
        f"<section><h2>{title}</h2><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}</section>"
    )


def _section(title: str, figures: Iterable[str]) -> str:
    drawn = "".join(figures)
    return f"<section><h2>{title}</h2>{drawn or '<p>Nothing is known.</p>'}</section>"


def _figure(caption: str, plot: str) -> str:
    return f"<figure><figcaption>{escape(caption)}</figcaption>{plot}</figure>" if plot else ""


def _words(one: Prediction, start_ms: int) -> str:
    name = f"{one.probe} {emotion_of(one.probe).name}, {one.confidence:.0%}" if one.probe else "not sure"
    return f"{_clock(one.start_ms - start_ms)} to {_clock(one.end_ms - start_ms)}: {name}, quality {one.quality:.2f}"


def _said_of(label: SessionLabel) -> str:
    said = [f"{label.probe} {emotion_of(label.probe).name}"] if label.probe else []
    said += [f"valence {label.valence:.2f}"] if label.valence is not None else []
    said += [f"arousal {label.arousal:.2f}"] if label.arousal is not None else []
    return ", ".join(said)


def _offset(at_ms: int, found: Findings) -> str:
    return _clock(at_ms - found.kept.start_ms)


def _place(stimulus_ms: int | None) -> str:
    return "" if stimulus_ms is None else _clock(stimulus_ms)


def _clock(ms: int) -> str:
    seconds = abs(ms) // 1000
    return f"{'-' if ms < 0 else ''}{seconds // 60}:{seconds % 60:02d}"


def _length(ms: int) -> str:
    return f"{ms // 60_000} min {ms // 1000 % 60} s"
