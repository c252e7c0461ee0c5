"""What a load run says to people: a page of plots, a table, a comparison."""
