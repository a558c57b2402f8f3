"""To the browser, a bundle of style sheets has the rules of its files, no more and no less."""

from __future__ import annotations

import pytest

from kchat_search.web.pages.assets import BUNDLES, STATIC
from tests.system.chromium import Watch

_RULES = r"""(text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    // The text of a custom property is kept as it was written, with its blanks. A blank before a
    // colon is none of them: `.a :is(b)` and `.a:is(b)` are two selectors.
    return [...sheet.cssRules].map((rule) => rule.cssText.replaceAll(/\s*,\s*/g, ","));
}"""


@pytest.mark.slow
def test_a_style_sheet_has_the_rules_of_its_files(watch: Watch, address: str) -> None:
    page = watch.open("/")
    for name, bundle in BUNDLES.items():
        files = [STATIC / f"{one}.css" for one in ("base", "box", *bundle.styles)]
        written = page.evaluate(_RULES, "\n".join(file.read_text("utf-8") for file in files))
        served = page.evaluate(_RULES, page.request.get(f"{address}/static/page-{name}.css").text())
        assert len(written) > 3
        assert served == written, name
