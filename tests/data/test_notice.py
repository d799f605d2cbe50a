"""The NOTICE of a model, from the manifest of its corpus."""

from typing import Any

import pytest

from bytelatent.data.notice import LICENCES, notice


def entry(source: str, licence: str, **more: str) -> dict[str, Any]:
    about = {"lang": "en", "note": f"By the authors of {source}.", "archive": f"{source}.tgz"}
    return {"source": source, "licence": licence, "package": f"npm:{source}@1.0", **about, **more}


MANIFEST = {
    "sources": [
        entry("leads", "CC-BY-SA-4.0", lang="fr"),
        entry("modules", "MIT AND ISC", lang="javascript"),
        entry("novels", "public domain", archive=""),
    ]
}


def test_each_used_source_is_named_with_package_licence_and_attribution() -> None:
    text = notice(MANIFEST, ["modules", "leads", "leads"])
    assert text.index("leads (fr): CC-BY-SA-4.0") < text.index("modules (javascript): MIT AND ISC")
    for source in ("leads", "modules"):
        assert text.count(f"npm:{source}@1.0") == 1
        assert f"By the authors of {source}." in text and f"{source}.tgz" in text
    assert "novels" not in text


def test_licences_are_linked_once() -> None:
    text = notice(MANIFEST, ["leads", "modules", "novels"])
    assert [text.count(LICENCES[name]) for name in ("CC-BY-SA-4.0", "ISC", "MIT")] == [1, 1, 1]
    assert LICENCES["Apache-2.0"] not in text


def test_public_domain_text_needs_no_licence() -> None:
    text = notice(MANIFEST, ["novels"])
    assert "novels (en): public domain" in text and "https://" not in text
    assert "\n  as" not in text


def test_an_unknown_source_is_named() -> None:
    with pytest.raises(ValueError, match="no source songs; it has leads, modules, novels"):
        notice(MANIFEST, ["leads", "songs"])
