def create_text_index(t):
    from lancedb.index import FTS
    t.create_index("text", config=FTS(with_position=False, stem=False, remove_stop_words=False))
def refresh_text_index(t):
    t.optimize()
