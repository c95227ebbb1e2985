"""SVG pictures are parsed as XML, and whatever would run or load something is refused."""

import pytest

from shop_product.images.svg import check_svg

XMLNS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
HTML = 'xmlns:h="http://www.w3.org/1999/xhtml"'
PATH = '<path d="M0 0h1v1z"/>'


def svg(inside: str = PATH, attributes: str = "") -> str:
    return f"<svg {XMLNS} {attributes}>{inside}</svg>"


@pytest.mark.parametrize(
    "text",
    [
        svg(),
        f'<?xml version="1.0" encoding="UTF-8"?>\n{svg()}',
        f"<!-- made by a drawing program -->\n{svg()}",
        f"\ufeff  \n{svg()}",
        f'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">{svg()}',
        "<s:svg xmlns:s='http://www.w3.org/2000/svg'><s:g/></s:svg>",
        svg('<defs><g id="a"/></defs><use xlink:href="#a"/><use href=" #a"/>'),
        svg('<image href="data:image/png;base64,iVBORw0KGgo="/>'),
        svg('<rect style="fill: url( #paint )" filter="url(\'#blur\')"/>'),
        svg("<style>/* of http://x */ .a { fill: red; font-family: '/*' }</style>"),
        svg("<text>a &amp; b &lt;script&gt; &#38;</text>"),
    ],
)
def test_harmless_pictures_are_taken_as_they_are(text: str) -> None:
    assert check_svg(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<svg >not xml & <b>",
        "<svg>",
        "plain text",
        f"{svg()}{svg()}",
        "<html><body/></html>",
        f"<html xmlns='http://www.w3.org/1999/xhtml'>{svg()}</html>",
        "<svg xmlns='http://www.w3.org/1999/xhtml'/>",
        '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + svg("<text>&b;</text>"),
        '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + svg("<text>&x;</text>"),
        '<!DOCTYPE svg [<!ATTLIST svg onload CDATA "alert(1)">]>' + svg(),
        f'<?xml-stylesheet href="http://evil.example/a.css"?>{svg()}',
        svg("<text>&undefined;</text>"),
    ],
)
def test_what_is_no_svg_document_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"XML|root element|entities|processing|handler"):
        check_svg(text)


@pytest.mark.parametrize(
    "text",
    [
        svg("<script>alert(1)</script>"),
        svg("<SCRIPT>alert(1)</SCRIPT>"),
        svg('<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>'),
        svg("<foreignObject><b/></foreignObject>"),
        svg(attributes='onload="alert(1)"'),
        svg(attributes='ONLOAD="alert(1)"'),
        svg('<a href="javascript:alert(1)"/>'),
        svg('<a xlink:href=" java&#10;script:alert(1)"/>'),
        svg('<a href="https://evil.example"/>'),
        svg('<use href="data:image/svg+xml;base64,AAAA"/>'),
        svg('<image href="data:image/svg+xml;base64,AAAA"/>'),
        svg('<image href="//evil.example/pixel.png"/>'),
        svg('<set attributeName="onmouseover" to="alert(1)"/>'),
        svg('<animate attributeName="xlink:href" values="javascript:alert(1)"/>'),
        svg("<style>@import 'http://evil.example/a.css';</style>"),
        svg("<style>a{background:url(http://evil.example)}</style>"),
        svg(r"<style>@\69mport 'x'</style>"),
        svg(r"<style>a{background:u\72l( 'http://evil.example')}</style>"),
        svg("<style>@im<!-- -->port 'x'</style>"),
        svg("<style>@im/**/port 'x'; a{b:url(//x)}</style>"),
        svg("<style>a{font-family:'/*';background:url(http://evil.example)}</style>"),
        svg("<style>a{fill:url(#a/*);background:url(//evil.example);x:url(#b*/)}</style>"),
        svg("<style>/* url(http://evil.example) */</style>"),
        svg('<rect fill="url(http://evil.example#a)"/>'),
        svg('<rect style="background: url(&quot;http://evil.example&quot;)"/>'),
        svg("<iframe/>"),
        svg(f'<h:meta {HTML} http-equiv="refresh" content="0;url=http://evil.example"/>'),
        svg(f'<h:img {HTML} srcset="http://evil.example/pixel.png"/>'),
        svg(f'<h:form {HTML} action="http://evil.example"/>'),
        svg('<g xml:base="http://evil.example/"/>'),
    ],
)
def test_active_content_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"active content|leads? out|animate"):
        check_svg(text)


def test_an_error_is_found_before_it_costs_anything() -> None:
    bomb = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    with pytest.raises(ValueError, match="entities"):
        check_svg(f'<!DOCTYPE svg [<!ENTITY a0 "x">{bomb}]>' + svg("<text>&a11;</text>"))
