"""Plots of a run, as data for plotly.js. Nothing is drawn here: a page does that when read."""
