"""One module a page, each with `show_page(desk)`: thin, and knows what to say when there is nothing to show."""
