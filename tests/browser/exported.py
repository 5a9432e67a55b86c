"""A notebook as the page that nbconvert makes of it, with the outputs that are stored and without a kernel."""

import nbformat
from nbconvert import HTMLExporter

ADDRESS = "http://127.0.0.1/exported"


def show_notebook(page, path, change=lambda html: html):
    exporter = HTMLExporter(mathjax_url="", require_js_url="", mermaid_js_url="")
    html, _ = exporter.from_notebook_node(nbformat.read(path, as_version=4))
    page.route(ADDRESS, lambda route: route.fulfill(body=change(html), content_type="text/html"))
    page.goto(ADDRESS)
