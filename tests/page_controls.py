"""The controls of the page's settings, as somebody looks at them and moves them."""

from __future__ import annotations


def control(tab, name):
    tab.page.evaluate(
        "(name) => { document.querySelector(`[data-setting='${name}']`)"
        ".closest('details').open = true; }",
        name,
    )
    return tab.page.locator(f'[data-setting="{name}"]')


def shown(tab, name):
    """Return what a control says: a button's or an option's name, a number, or a text."""
    one = control(tab, name)
    if one.locator(".q-btn-toggle").count():
        return one.locator('[aria-pressed="true"]').inner_text()
    if one.locator(".q-toggle").count():
        return one.locator(".q-toggle").get_attribute("aria-checked")
    if one.locator(".q-select").count():
        inside = one.locator("input.q-field__input")
        typed = inside.input_value() if inside.count() else ""
        return typed or one.locator(".q-field__native span").first.inner_text()
    return one.locator("input").first.input_value()


def set_number(tab, name, text):
    field = control(tab, name).locator("input").first

    def is_filled():  # a list that is just closing may take the focus, and the text
        field.fill(text)
        return field.input_value() == text

    tab.wait_for(is_filled, f"{text} in the field")
    field.press("Enter")


def change(tab, setting, now, back_to=None):
    """Change a setting by its control; return what is shown then."""
    one = control(tab, setting.name)
    if one.locator(".q-btn-toggle").count():
        names = one.locator(".q-btn-toggle .q-btn").all_inner_texts()
        name = back_to or next(each for each in names if each != now)
        one.locator(".q-btn-toggle .q-btn", has_text=name).first.click()
        return name
    if one.locator(".q-toggle").count():
        one.locator(".q-toggle").click()
        return "false" if now == "true" else "true"
    if one.locator(".q-select").count():
        one.locator(".q-select").click()
        options = tab.page.locator(".q-menu .q-item")
        options.first.wait_for()
        names = options.all_inner_texts()
        name = back_to if back_to is not None else next(n for n in names if n != now)
        options.nth(names.index(name)).click()
        options.first.wait_for(state="hidden")
        return name
    text = back_to if back_to is not None else other_value(setting, now)
    set_number(tab, setting.name, text)
    return text


def other_value(setting, now):
    if setting.spelling == "instruments and channels":
        return "0 = 1, 32 = 2"
    if setting.high is None:
        return "0, 32"
    low, high = setting.knob
    if setting.key.startswith("highest"):
        low = high - 4
    middle = round((low + high) / 2) if setting.kind == "whole number" else (low + high) / 2
    if setting.unit == "MIDI note number":
        names = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
        spelled = f"{names[middle % 12]}{middle // 12 - 1}"
        return spelled if spelled != now else "C4"
    return f"{middle:.4g}" if f"{middle:.4g}" != now else f"{high:.4g}"
