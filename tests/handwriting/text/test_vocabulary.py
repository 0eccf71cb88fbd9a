import pytest

from handwriting.text.vocabulary import Vocabulary


def test_texts_survive_encoding_and_decoding():
    texts = ["Hello, world", "naïve 東京", "tab\tand  spaces ", ""]
    vocabulary = Vocabulary.from_texts(texts)
    for text in texts:
        assert vocabulary.decode(vocabulary.encode(text)) == text
        assert vocabulary.unknown(text) == []


def test_characters_are_sorted_and_follow_the_special_symbols():
    vocabulary = Vocabulary.from_texts(["cab", "bad"])
    assert vocabulary.characters == ("a", "b", "c", "d")
    assert vocabulary.encode("ad") == [4, 7]
    assert len(vocabulary) == 8
    assert len({vocabulary.pad, vocabulary.sos, vocabulary.eos, vocabulary.unk}) == 4
    assert vocabulary.pad == 0


def test_unknown_characters_are_encoded_as_unknown_and_named():
    vocabulary = Vocabulary("ab")
    assert vocabulary.encode("axbz") == [4, vocabulary.unk, 5, vocabulary.unk]
    assert vocabulary.unknown("axbzx") == ["x", "z"]
    assert vocabulary.decode(vocabulary.encode("axb")) == "a\ufffdb"


def test_decoding_stops_at_the_end_and_leaves_out_padding():
    vocabulary = Vocabulary("ab")
    indices = [vocabulary.sos, 4, vocabulary.pad, 5, vocabulary.eos, 4, vocabulary.pad]
    assert vocabulary.decode(indices) == "ab"


@pytest.mark.parametrize("index", [-1, 6])
def test_decoding_an_index_outside_is_an_error(index):
    with pytest.raises(ValueError, match=f"0 to 5, got {index}"):
        Vocabulary("ab").decode([index])


@pytest.mark.parametrize(
    ("characters", "message"), [(["ab"], "one character, got 'ab'"), (["a", "a"], "twice")]
)
def test_wrong_characters_are_an_error(characters, message):
    with pytest.raises(ValueError, match=message):
        Vocabulary(characters)


def test_dictionary_round_trip():
    vocabulary = Vocabulary.from_texts(["Some Text."])
    again = Vocabulary.from_dict(vocabulary.to_dict())
    assert again == vocabulary
    assert again.encode("Text") == vocabulary.encode("Text")
    assert Vocabulary("ab") != Vocabulary("ba")
