import numpy as np

from bench.analysis.hardness import measure_hardness, shared_errors

LABELS = np.array([0, 1, 2, 3, 4], dtype=np.uint8)
GOOD = np.array([[0, 1, 2, 9, 4], [0, 1, 2, 9, 5]], dtype=np.uint8)  # of two runs
POOR = np.array([[0, 7, 2, 8, 5]], dtype=np.uint8)  # of one


def test_each_model_counts_as_much_as_any_other() -> None:
    hardness = measure_hardness(LABELS, [GOOD, POOR])
    assert hardness.right.tolist() == [1, 0.5, 1, 0, 0.25]
    assert (hardness.runs, hardness.never_right.tolist()) == (3, [3])
    assert hardness.wrong_answer.tolist() == [-1, 7, -1, 9, 5]
    assert hardness.wrong_count.tolist() == [0, 1, 0, 2, 2]


def test_the_hardest_come_first_and_what_all_get_right_not_at_all() -> None:
    hardness = measure_hardness(LABELS, [GOOD, POOR])
    assert hardness.hardest(2).tolist() == [3, 4]
    assert hardness.hardest(99).tolist() == [3, 4, 1]


def test_of_equally_hard_images_the_one_whose_wrong_answer_is_given_more_often_comes_first() -> None:
    answers = np.array([[5, 6], [7, 6]], dtype=np.uint8)
    assert measure_hardness(LABELS[:2], [answers]).hardest(2).tolist() == [1, 0]


def test_shared_errors_are_counted_over_all_seeds() -> None:
    wrong = np.array([[True, True, False], [True, False, False]])
    others = np.array([[True, False, True], [True, True, True]])
    assert shared_errors(wrong, others) == 2 / 3
    assert shared_errors(~wrong & wrong, others) is None
