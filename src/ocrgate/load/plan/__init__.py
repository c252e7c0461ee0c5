"""What a GPU will do, before there is one: a model of the engine, run on the pages to come."""
