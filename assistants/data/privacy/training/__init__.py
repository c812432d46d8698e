"""Makes the tagger's weights anew, from text that a generator makes up. Needs the dev packages."""
