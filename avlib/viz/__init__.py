"""What is shown: components of the book's pages, its plots, and the page that `separate` writes.

With sound: `players`, `mixer`, `cursor`, `mask_lab`, `heatmap`; with numbers and questions:
`matrix`, `stepper`, `replay`, `matching`, `questions`, `live`; pictures: `slides`, `plots`. What
they share lies in `component`, `film`, `spectral`, `pieces` and `rich`; `page` is for `avlib
separate`.
"""
