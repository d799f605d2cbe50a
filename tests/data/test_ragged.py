"""Batches of rows of different length."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bytelatent.data.ragged import fill_up, length_batches


@given(st.lists(st.integers(2, 500)), st.integers(1, 1000))
def test_each_row_once_in_batches_of_like_length(lengths, limit) -> None:
    batches = list(length_batches(lengths, limit))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        longest, shortest = max(lengths[i] for i in batch), min(lengths[i] for i in batch)
        assert len(batch) == 1 or len(batch) * longest <= limit
        assert longest <= 1.125 * shortest + 16


def test_equal_rows_fill_a_batch() -> None:
    assert [len(batch) for batch in length_batches([10] * 7, 30)] == [3, 3, 1]


def test_filling_stands_on_the_right() -> None:
    rows = [np.array(row, dtype=np.uint16) for row in ([1, 9, 2], [1, 2])]
    assert fill_up(rows).tolist() == [[1, 9, 2], [1, 2, 3]]
