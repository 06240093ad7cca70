"""The formula of each part of agent strain, in words: for the person whom it is about."""

from __future__ import annotations

STRAIN = (
    "Strain = 100 x (1 - exp(-(sum of the levels) / (0.2 x sum of the weights of the drivers that are on))). The level "
    "of a driver is its weight times the mean of two sums that decay: one with 10 minutes, one with 75 minutes; in a "
    "break both decay three times as fast. Each driver's share is its part of the sum of levels.",
    "负荷 = 100 x (1 - exp(-(各项水平之和) / (0.2 x 已启用各项权重之和)))。每一项的水平 = 权重 x 两个衰减累计的平均值，"
    "衰减时间分别为 10 分钟和 75 分钟；休息时衰减速度为三倍。每一项的份额按其水平在总和中的比例计算。",
)
DRIVERS: dict[str, tuple[str, str]] = {
    "occupancy": (
        "Time on contact as a part of staffed time over 30 minutes, as far as it is above `line` percent.",
        "30 分钟内通话时间占在岗时间的比例，超过 `line`% 的部分。",
    ),
    "handle_time": (
        "How much longer a contact took than your own usual (median of your last 32, on a log scale): counts from "
        "`z_from` robust standard deviations on, in full at `z_full`. Never against a target or a colleague.",
        "联络时长比您自己的常态（最近 32 次的对数中位数）长多少：从 `z_from` 个稳健标准差起计，到 `z_full` 计满。"
        "不与目标或同事比较。",
    ),
    "repeat_callers": (
        "`per_contact` for each caller who had to come back about the same issue within 7 days.",
        "每位 7 天内因同一问题再次来电的客户计 `per_contact`。",
    ),
    "complaints": (
        "`per_complaint` for each contact with a complaint, `per_abusive` for each abusive one.",
        "每次投诉计 `per_complaint`，每次辱骂性联络计 `per_abusive`。",
    ),
    "excess_wait": (
        "How long your callers had waited beyond the announced wait, else beyond `target_wait_s`; in full at `full_s`.",
        "客户等待超过告知时间（否则超过 `target_wait_s`）的部分，到 `full_s` 计满。",
    ),
    "queue_pressure": (
        "The strain of the queue when its contact reached you: counts from `from_strain`, `per_contact` at 100.",
        "联络到达您时队列的负荷：从 `from_strain` 起计，100 时计 `per_contact`。",
    ),
    "since_break": (
        "Work since your last real break beyond `line_min` minutes; a break pays back 12 s of work a second.",
        "自上次真正休息以来的工作时间超过 `line_min` 分钟的部分；休息每秒抵 12 秒工作。",
    ),
    "recovery_gap": (
        "`per_contact` for a contact taken without any pause after the one before, less up to a pause of `gap_s`.",
        "前后两次联络之间没有间歇时计 `per_contact`，间歇越长越少，到 `gap_s` 秒为零。",
    ),
    "same_issue": (
        "`per_contact` for each hard contact in a row about the same issue, from number `from_contact` on.",
        "连续处理同一问题的困难联络，从第 `from_contact` 次起每次计 `per_contact`。",
    ),
    "unsupported": (
        "Work since a lead last spoke with you, beyond `line_h` hours.",
        "自组长上次与您沟通以来的工作时间超过 `line_h` 小时的部分。",
    ),
    "quality_checks": (
        "`per_check` for each quality check, up to `strained_factor` times as much while your strain is high.",
        "每次质检计 `per_check`，负荷高时最多为 `strained_factor` 倍。",
    ),
    "check_in": (
        "Your own word, 1 to 5: `per_point` for each point above 3; each point below eases what contacts brought by "
        "`relief_per_point`.",
        "您自己的反馈（1 到 5）：高于 3 的每一分计 `per_point`；低于 3 的每一分减轻联络带来的负荷 `relief_per_point`。",
    ),
}
"""Name of the driver -> in English, in Chinese; words in backquotes are parameters, whose values stand beside."""
