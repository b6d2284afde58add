"""The name of a check as the sentence that it is."""

_PROPER = {"api": "API", "dra": "DRA", "kubernetes": "Kubernetes"}
"""Words that are not written in small letters."""

_PUNCTUATED = {
    "created read updated and": "created, read, updated and",
    "operators own": "operator's own",
    "temperature power and": "temperature, power and",
    "under load a": "under load, a",
}
"""What a name cannot say: marks between its words."""

_ARTICLES = {
    "a": "body child claim container dra flawed gateway granted pod released resource route runtime"
    " sibling streamed target volume workload",
    "an": "accelerator environment",
    "the": "latency metric metrics monitoring new node operator stable",
}
"""Article → first words that want it; names go without."""

_ARTICLE_OF = {word: article for article, words in _ARTICLES.items() for word in words.split()}


def sentence(name: str) -> str:
    """``test_pod_sees_its_device`` as people write it."""
    words = name.removeprefix("test_").strip("_").split("_")
    article = _ARTICLE_OF.get(words[0], "")
    text = " ".join(_PROPER.get(word, word) for word in ([article] if article else []) + words)
    for plain, punctuated in _PUNCTUATED.items():
        text = text.replace(plain, punctuated)
    return text[:1].upper() + text[1:]
