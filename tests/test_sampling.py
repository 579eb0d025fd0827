"""Which frames of a video are kept."""

import numpy as np
import pytest
from PIL import Image

from mars.media.sampling import RESERVE, sample

WANTED = 8


def _sampled(times, wanted: int = WANTED):
    """Numbers of the frames kept, and their times."""
    held = []

    def image(number: int) -> Image.Image:
        held.append(number)
        return Image.new("RGB", (8, 8), (number % 256, number // 256, 0))

    video = sample(((second, lambda number=number: image(number)) for number, second in enumerate(times)), wanted)
    numbers = [red + 256 * green for red, green, _ in (frame.getpixel((0, 0)) for frame in video.frames)]
    assert video.source_frames == len(times)
    return numbers, list(video.times), held


def test_frames_of_a_variable_rate_are_evenly_spaced_in_time():
    times = [0, 0.04, 0.08, 2, 2.04, 5, 5.04, 5.08, 8, 8.04, 10]
    numbers, kept, _ = _sampled(times)
    assert kept == [0, 2, 2.04, 5, 5.08, 8, 8.04, 10] and numbers == [times.index(second) for second in kept]


@pytest.mark.parametrize("frames", [9, 29, 64, 65, 66, 129, 700, 20_000])
@pytest.mark.parametrize("rate", [4, 24, 30, 59.94])
def test_at_a_constant_rate_they_are_those_evenly_spaced_by_number(frames, rate):
    numbers, _, _ = _sampled([number / rate for number in range(frames)])
    stride = 1
    while -(-frames // stride) > RESERVE * WANTED:
        stride *= 2
    kept = np.arange(0, frames, stride)
    assert numbers == kept[np.linspace(0, len(kept) - 1, WANTED).round().astype(int)].tolist()


def test_times_that_are_rounded_to_milliseconds_give_the_same_frames():
    exact = [number / 30 for number in range(3000)]
    assert _sampled([round(second, 3) for second in exact])[0] == _sampled(exact)[0]


@pytest.mark.parametrize("seed", range(5))
def test_every_evenly_spaced_time_has_a_frame_as_near_as_any_but_for_a_cell(seed):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.exponential(rng.choice([0.01, 1.0], size=900, p=[0.95, 0.05]))).tolist()
    times = [second - times[0] for second in times]
    _, kept, held = _sampled(times)
    cell = 2 * times[-1] / (RESERVE * WANTED // 2)
    for even in np.linspace(0, kept[-1], WANTED):
        nearest = min(abs(second - even) for second in times)
        assert min(abs(second - even) for second in kept) <= nearest + cell
    assert times[-1] - kept[-1] <= cell
    assert len(held) < 900


def test_a_video_that_stands_still_gives_each_frame_once():
    times = [number / 100 for number in range(50)] + [10.0]
    assert _sampled(times)[1] == [0, 0.49, 10.0]


def test_no_more_frames_than_are_wanted_are_all_given_whatever_their_times():
    times = [0, 0.01, 0.02, 9]
    assert _sampled(times) == ([0, 1, 2, 3], times, [0, 1, 2, 3])


def test_frames_without_times_are_evenly_spaced_by_number():
    assert _sampled([0.0] * 15)[0] == [0, 2, 4, 6, 8, 10, 12, 14]


def test_times_that_go_back_stand_still():
    assert _sampled([0, 3, 1, 4])[1] == [0, 3, 3, 4]


def test_memory_is_bounded_by_the_frames_wanted():
    """Images are made of few frames of a long video."""
    _, _, held = _sampled([number / 30 for number in range(18_000)])
    assert len(held) < 8 * RESERVE * WANTED
