"""What is sent again when nobody knows whether Meta took it."""

import pytest

from rasl.services.sending.lanes import LANE_OTP, LANE_SERVICE, is_resent


@pytest.mark.parametrize(
    ("policy", "lane", "expected"),
    [
        ("hold", LANE_SERVICE, False),
        ("resend", LANE_SERVICE, True),
        ("hold", LANE_OTP, True),
        ("resend", LANE_OTP, True),
    ],
)
def test_the_policy_decides_but_a_code_is_always_sent_again(policy: str, lane: int, expected: bool) -> None:
    assert is_resent(policy, lane) is expected
