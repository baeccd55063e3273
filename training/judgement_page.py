"""A judgement as tables, and as one HTML page that needs nothing but itself."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from training.continuations import Figures
from training.evaluate import MODEL, NGRAM, NOTATED, TRUE, Freely, Judgement

Table = tuple[str, list[str], list[list[str]]]
"""Title, head, rows."""

COLOURS: Final = {MODEL: "#1f6fb4", NGRAM: "#c98b1b", TRUE: "#5a6470"}
NO_METADATA: Final = {"Creator": None, "Date": None, "Format": None, "Type": None}
STYLE: Final = """
:root { color-scheme: light; --ink: #1d2329; --faint: #5a6470; --line: #d8dde2; --mine: #e8f1f9 }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2.5rem auto; padding: 0 1rem;
  color: var(--ink); background: #fff }
h1 { margin: 0; font-size: 1.8rem } h2 { margin: 3rem 0 .5rem; font-size: 1.3rem }
p { max-width: 44rem; color: var(--faint); margin: .3rem 0 1rem }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem;
  margin: 1.5rem 0 }
dl div { border: 1px solid var(--line); border-radius: .5rem; padding: .7rem 1rem }
dt { color: var(--faint); font-size: .85rem } dd { margin: 0; font-size: 1.6rem; font-weight: 600 }
dd small { display: block; font-size: .85rem; font-weight: 400; color: var(--faint) }
.wide { overflow-x: auto; margin: 1.5rem 0 }
.wide h3, figcaption { font-size: 1rem; font-weight: 600; margin: 0 0 .4rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--line) }
th { font-weight: 600; white-space: normal; vertical-align: bottom }
th:first-child, td:first-child { text-align: left }
.mine { background: var(--mine); font-weight: 600 }
figure { margin: 1.5rem 0 } svg { width: 100%; height: auto }
"""
FORESEEING: Final = (
    "Each held-out piece is heard from its beginning; before each note the model says how likely "
    "every value of every field is. Bits are what the values that came cost: one bit less is half "
    "as much doubt. N-grams counted the same training music and are asked the same."
)
FREELY: Final = (
    "The model plays on from places in held-out pieces, under the performer's rules, and so does "
    "the 5-gram; beside both stands what truly follows there. Distances are between histograms, 0 "
    "where they are equal; two halves of the true music show how much of a distance is chance."
)


def tables(judgement: Judgement) -> list[Table]:
    """Return all figures as tables of text."""
    first = next(iter(judgement.likelihood.values()))
    fields = list(first.accuracy)
    keys = [*fields, "sum", " + ".join(NOTATED)]
    found: list[Table] = [
        (
            "Bits per note on held-out music (less is better)",
            ["", *keys, "bits per beat"],
            [
                [name, *map(_number, (*map(one.bits_per_note.get, keys), one.bits_per_beat))]
                for name, one in judgement.likelihood.items()
            ],
        ),
        (
            "Share of tokens that were the likeliest (more is better)",
            ["", *fields],
            [
                [name, *(_share(one.accuracy[key]) for key in fields)]
                for name, one in judgement.likelihood.items()
            ],
        ),
    ]
    return found + (_free_tables(judgement.freely) if judgement.freely else [])


def _free_tables(freely: Freely) -> list[Table]:
    played = {name: one for name, one in freely.figures.items() if name != TRUE}
    true = freely.figures[TRUE]

    def row(title: str, shown: Callable[[Figures], str]) -> list[str]:
        return [title, *(shown(one) for one in freely.figures.values())]

    return [
        (
            "Free continuations: distance to the true ones, all together (bits, less is better)",
            ["", *played, "two halves of true music"],
            [
                [
                    feature,
                    *(_number(one.distances[feature]) for one in played.values()),
                    _number(half),
                ]
                for feature, half in freely.halves.items()
            ],
        ),
        (
            "Distance of each to its own true one, on average (bits, less is better)",
            ["", *played, "the notes before it", "another's true one"],
            [
                [
                    feature,
                    *(_number(one.distances_each[feature]) for one in played.values()),
                    _number(freely.seeds[feature]),
                    _number(other),
                ]
                for feature, other in freely.others.items()
            ],
        ),
        (
            f"What {len(true.longest_copies)} continuations do",
            ["", *freely.figures],
            [
                row("loop", lambda one: _share(one.loops)),
                row(
                    f"notes in chords ({_share(freely.seed_chords)} of the seeds')",
                    lambda one: _share(one.chords),
                ),
                row("that share's distance from its seed's", lambda o: _share(o.chords_from_seed)),
                row("longest copy: median", lambda one: f"{np.median(one.longest_copies):g} notes"),
                row("longest copy of all", lambda one: f"{max(one.longest_copies)} notes"),
                *(
                    row(
                        f"first two bars keep: {what}",
                        lambda one, what=what: _share(one.agreements[what]),  # type: ignore[misc]
                    )
                    for what in true.agreements
                ),
            ],
        ),
    ]


def page(judgement: Judgement, model: str) -> str:
    """Return the HTML page.

    Args:
        judgement: what it shows.
        model: how the model is called in the title.
    """
    music = judgement.music
    foreseen, played = tables(judgement)[:2], tables(judgement)[2:]
    parts = [
        "<!doctype html>",
        '<html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{escape(model)}: judged</title><style>{STYLE}</style>",
        f"<h1>{escape(model)}</h1>",
        f"<p>Judged on {music['held_out_pieces']:,} held-out pieces ({music['held_out_notes']:,} "
        f"notes, {music['held_out_beats']:,} beats), beside n-grams of the other "
        f"{music['training_pieces']:,} pieces ({music['training_notes']:,} notes). "
        "No work is in both.</p>",
        _summary(judgement),
        f"<h2>Foreseeing held-out music</h2><p>{FORESEEING}</p>",
        _figure(_bits_plot(judgement), "Bits per note, by field"),
        *(_html_table(*table) for table in foreseen),
    ]
    if judgement.freely:
        parts += [
            f"<h2>Playing on freely</h2><p>{FREELY}</p>",
            _figure(_distance_plot(judgement.freely), "Distance to the true continuations"),
            _figure(
                _copies_plot(judgement.freely), "Longest passages that are in the training set"
            ),
            *(_html_table(*table) for table in played),
        ]
    return "\n".join(parts) + "</html>\n"


def _summary(judgement: Judgement) -> str:
    """Return the few figures that are asked for first."""
    one = judgement.likelihood[MODEL]
    ngrams = [other for name, other in judgement.likelihood.items() if name != MODEL]
    best = min(other.bits_per_note["sum"] or 0.0 for other in ngrams)
    pitch = max(other.accuracy["pitch"] or 0.0 for other in ngrams)
    shown = [
        ("bits per note", _number(one.bits_per_note["sum"]), f"best n-gram {_number(best)}"),
        ("pitch was the likeliest", _share(one.accuracy["pitch"]), f"best n-gram {_share(pitch)}"),
    ]
    if judgement.freely:
        mine, true = (judgement.freely.figures[name] for name in (MODEL, TRUE))
        shown += [
            ("continuations in a loop", _share(mine.loops), f"true music {_share(true.loops)}"),
            (
                "longest copy of all",
                f"{max(mine.longest_copies)} notes",
                f"true music {max(true.longest_copies)} notes",
            ),
        ]
    boxes = (
        f"<div><dt>{name}</dt><dd>{figure}<small>{beside}</small></dd></div>"
        for name, figure, beside in shown
    )
    return f"<dl>{''.join(boxes)}</dl>"


def _html_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def cells(kind: str, texts: Sequence[str]) -> str:
        mine = [texts[0] == MODEL or column == MODEL for column in head]
        marks = [' class="mine"' if marked else "" for marked in mine]
        inside = (f"<{kind}{m}>{escape(t)}</{kind}>" for m, t in zip(marks, texts, strict=True))
        return f"<tr>{''.join(inside)}</tr>"

    body = "".join(cells("td", row) for row in rows)
    inside = f"<table>{cells('th', head)}{body}</table>"
    return f'<div class="wide"><h3>{escape(title)}</h3>{inside}</div>'


def _figure(figure: Figure, caption: str) -> str:
    """Return a plot as SVG inside the page; the same plot gives the same text."""
    with mpl.rc_context({"svg.hashsalt": caption, "svg.fonttype": "none"}):
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata=NO_METADATA, bbox_inches="tight")
    svg = file.getvalue()
    drawing = svg[svg.index("<svg") :]  # an XML head has no place within HTML
    return f"<figure><figcaption>{escape(caption)}</figcaption>{drawing}</figure>"


def _bits_plot(judgement: Judgement) -> Figure:
    models = {name: one for name, one in judgement.likelihood.items() if name != "uniform"}
    fields = list(next(iter(models.values())).accuracy)
    shades = {name: str(0.85 - 0.09 * i) for i, name in enumerate(models)} | COLOURS
    bars = {
        name: [one.bits_per_note[field] or 0.0 for field in fields] for name, one in models.items()
    }
    return _bars(fields, bars, shades, "bits per note")


def _distance_plot(freely: Freely) -> Figure:
    features = list(freely.halves)
    bars = {
        name: [one.distances[feature] for feature in features]
        for name, one in freely.figures.items()
        if name != TRUE
    }
    bars["two halves of true music"] = [freely.halves[feature] for feature in features]
    colours = {**COLOURS, "two halves of true music": COLOURS[TRUE]}
    return _bars(features, bars, colours, "Jensen-Shannon divergence, bits")


def _bars(
    groups: Sequence[str],
    bars: Mapping[str, Sequence[float]],
    colours: Mapping[str, str],
    unit: str,
) -> Figure:
    figure = Figure(figsize=(9, 3.4))
    axes = figure.subplots()
    width = 0.8 / len(bars)
    for i, (name, heights) in enumerate(bars.items()):
        places = np.arange(len(groups)) + (i - (len(bars) - 1) / 2) * width
        axes.bar(places, heights, width * 0.92, label=name, color=colours[name])
    axes.set_xticks(range(len(groups)), groups)
    _finish(axes, unit)
    return figure


def _copies_plot(freely: Freely) -> Figure:
    figure = Figure(figsize=(9, 3.0))
    axes = figure.subplots()
    for name, figures in freely.figures.items():
        lengths = np.sort(figures.longest_copies)
        shares = 1 - np.arange(len(lengths)) / len(lengths)
        axes.step(lengths, shares, where="pre", label=name, color=COLOURS[name])
    axes.set_xlabel("notes of the longest passage")
    _finish(axes, "share at least so long")
    return figure


def _finish(axes: Any, unit: str) -> None:
    axes.set_ylabel(unit)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=8, fontsize="small", loc="lower left", bbox_to_anchor=(0, 1))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
