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
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1d2329; background: #fff }
table { border-collapse: collapse; margin: 0 0 2rem; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #d8dde2 }
th:first-child, td:first-child { text-align: left }
caption { text-align: left; font-weight: 600; padding: .4rem 0 }
figure { margin: 0 0 2rem } svg { width: 100%; height: auto }
"""


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
            ["", *played, "another's true one"],
            [
                [
                    feature,
                    *(_number(one.distances_each[feature]) for one in played.values()),
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
    sizes = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in judgement.music.items())
    parts = [
        "<!doctype html>",
        f'<html lang="en"><meta charset="utf-8"><title>{escape(model)}: judged</title>',
        f"<style>{STYLE}</style>",
        f"<h1>{escape(model)}</h1><p>{escape(sizes)}</p>",
        _figure(_bits_plot(judgement), "Bits per note, by field"),
    ]
    if judgement.freely:
        parts += [
            _figure(_distance_plot(judgement.freely), "Distance to the true continuations"),
            _figure(
                _copies_plot(judgement.freely), "Longest passages that are in the training set"
            ),
        ]
    parts += [_html_table(*table) for table in tables(judgement)]
    return "\n".join(parts) + "</html>\n"


def _html_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def cells(kind: str, texts: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{kind}>{escape(text)}</{kind}>" for text in texts) + "</tr>"

    body = "".join(cells("td", row) for row in rows)
    return f"<table><caption>{escape(title)}</caption>{cells('th', head)}{body}</table>"


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
