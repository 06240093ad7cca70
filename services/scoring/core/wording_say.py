"""Words that a lead can use with each suggested action, in English and Chinese (zh-CN).

Said to the agent or the team wherever there is somebody to say them to; else to whoever can help. First person, short,
an offer and never an order: the other one may say no.
"""

from __future__ import annotations

from functools import cache

from services.scoring.core.wording import ACTIONS, Texts
from shared.contract.alerts import SuggestedAction

SAY: dict[str, Texts] = {
    "queue.predicted_wait": (
        "It is busy on this queue right now. Who could help out for half an hour? I will settle it with your team.",
        "这个队列现在比较忙，谁能支援半小时？我来和你们班组协调。",
    ),
    "queue.offered_load": (
        "More is coming in than you can carry, and that is not on you. I am getting help; take them one at a time.",
        "现在来电超过大家能承接的量，这不怪你们。我去找人支援，一通一通来就好。",
    ),
    "queue.recent_waits": (
        "Callers have waited a while. A short ‘thank you for waiting’ is enough; I take care of the rest.",
        "客户等了一会儿。先说一句‘感谢您的等待’就好，其他的我来处理。",
    ),
    "queue.service_level": (
        "Your breaks stay. Could we move some of them by ten minutes, until this has eased?",
        "大家的休息都保留。能不能有几位往后挪十分钟，等这阵过去？",
    ),
    "queue.abandonment": (
        "We will offer call-backs for a while, so that nobody has to try twice.",
        "接下来一段时间我们提供回拨，客户就不用反复打了。",
    ),
    "queue.repeat_share": (
        "Many come back about the same thing. What do they still need that we could not give them?",
        "很多客户为同一件事再次来电。他们还需要什么，是我们之前没能给到的？",
    ),
    "queue.staffing": (
        "We are a few people short here. I am asking the other queues; nobody has to make up for it alone.",
        "这里暂时缺几个人。我正在请其他队列支援，不需要谁一个人顶着。",
    ),
    "queue.arrivals_surge": (
        "There are more calls than usual. What are they about? I will find out what we can tell people.",
        "来电比平常多。主要是问什么？我去确认可以怎么答复。",
    ),
    "surge.staff": (
        "It is more than usual for a while. Who could help out here? I will settle it with your team.",
        "这阵子来电比平常多，谁能过来支援？我来和你们班组协调。",
    ),
    "surge.announce": (
        "Many are calling about the same thing. Here is what we know and what you can tell them.",
        "很多人在问同一件事。这是目前了解到的情况，可以这样答复。",
    ),
    "surge.plan": (
        "This has become the usual. Let us plan the coming weeks with it.",
        "这已经是常态了，接下来几周就按这个安排人手。",
    ),
    "agent.break": (
        "You carried a lot this hour. Take ten minutes away from the desk, I will cover.",
        "这一小时辛苦了，离开座位休息十分钟，我来安排。",
    ),
    "agent.talk": (
        "Those were hard calls. Do you want a short pause before the next? I have a few minutes if you like.",
        "刚才那几通很不容易，要不要先缓一缓再接？想聊的话我有几分钟。",
    ),
    "agent.lighten": (
        "You have had a run of people coming back. Shall I take some of those cases to someone else for a while?",
        "你接了不少再次来电的客户。要不要我把其中几个先交给别的同事？",
    ),
    "agent.help": (
        "Something seems to make these calls long today. What would make it easier? I can join one if you like.",
        "今天这类来电好像都比较费时间。怎样能更轻松些？需要的话我可以一起听一通。",
    ),
    "agent.variety": (
        "You have had the same hard one again and again. Shall we mix in something else? I will pass this issue on.",
        "同一个难题你已经接了好几通。要不要换点别的？这个问题我来反馈。",
    ),
    "agent.support": (
        "How is today going? What can I take off you?",
        "今天怎么样？有什么我可以帮你分担的？",
    ),
    "agent.pause_checks": (
        "No quality checks for now. Take your time.",
        "先不做质检，慢慢来。",
    ),
    "agent.ease": (
        "That was a heavy stretch. Would a short break help, or a few minutes to talk? Easier ones come first now.",
        "刚才这一阵很重。想休息一下，还是聊几分钟？接下来先给你安排轻松一点的。",
    ),
    "agent.break_now": (
        "Your break is due. Go ahead, I have your queue.",
        "该休息了，去吧，队列我来安排。",
    ),
    "agent.thank": (
        "Those were hard calls, and you got people through them. Thank you.",
        "刚才那几通很不容易，你都帮客户解决了。谢谢你。",
    ),
    "team.breaks": (
        "It is a lot today. Everybody gets a break within the hour; meetings can wait. Who wants to go first?",
        "今天很忙。一小时内每个人都会休息一次，会议先放一放。谁先去？",
    ),
    "team.relief": (
        "More comes in than we can carry. I am asking other teams for help, and your breaks stay.",
        "来电超过我们能承受的量。我正在请其他班组支援，大家的休息照常。",
    ),
    "team.huddle": (
        "Five minutes together: which calls were hard, what helped, and what can someone else take over?",
        "我们一起聊五分钟：哪些来电比较棘手，怎样应对有帮助，哪些可以转出去？",
    ),
    "team.briefing": (
        "There is a new issue that takes long. Here is what it is, what to answer, and whom to ask.",
        "有一个新问题比较费时间。情况是这样，可以这么答复，有疑问找这位。",
    ),
    "campaign.pause": (
        "Some people on this list have heard from us often. Please let them rest for a week.",
        "名单上有些客户我们已经联系多次，请先停一周。",
    ),
    "handle_times.plan": (
        "Contacts take another time than before. What has changed in the work?",
        "现在每通来电用的时间和以前不同了。工作上有什么变化？",
    ),
    "feed.check": (
        "Our board hears nothing from the ACD at the moment. Could you check whether it still sends events?",
        "我们的看板目前没有收到话务系统的事件，能请你确认它是否还在发送吗？",
    ),
}
"""Code of an action -> what to say with it."""


@cache
def suggested(code: str) -> SuggestedAction:
    """A suggested action, with its words."""
    return SuggestedAction(code, *ACTIONS[code], *SAY[code])
