"""How the course puts words, tables, figures and explorers on the page."""
