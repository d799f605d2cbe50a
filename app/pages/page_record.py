"""The record of a page: all that others know about it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PageRecord:
    """One page of the web app.

    The navigation, the head of the page, the tests, the screenshots, Lighthouse and the load of the
    web benchmark read it. The page's module has it as ``PAGE``.

    Attributes:
        name: name of the page; its template is ``templates/NAME.html``.
        url: URL of the page, or the rule of its URLs with a variable, as Flask writes it.
        example: URL that exists with the stored files of the repository, of a page with a
            variable; empty otherwise.
        navigation: text of the link in the navigation bar; empty for a page that has none.
        title: title of the browser's tab, without the name of the site.
        description: sentence about the page for search engines.
        context: dataclass with the values that the template shows.
        css: stylesheets besides ``base.css``, by their names below ``/static/``.
        js: JavaScript modules that the page runs, by their names below ``/static/``; what they
            import is found by itself.
        ready: CSS selector of an element that is visible once the scripts have drawn the page.
        without_js: CSS selector of an element that a visitor without JavaScript sees; it is part of
            what the page is for. None if the page is of no use without JavaScript.
    """

    name: str
    url: str
    title: str
    description: str
    context: type
    example: str = ""
    navigation: str = ""
    css: tuple[str, ...] = ()
    js: tuple[str, ...] = ()
    ready: str = "main"
    without_js: str | None = None

    @property
    def template(self) -> str:
        """Name of the template."""
        return f"{self.name}.html"

    @property
    def address(self) -> str:
        """URL that exists with the stored files of the repository."""
        return self.example or self.url
