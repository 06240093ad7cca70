"""The style of a drawn day: light and dark as the reader's system has it, and light on paper."""

STYLE = """
:root{color-scheme:light dark;--ground:#f5f6f3;--surface:#fff;--ink:#18211e;--soft:#55615c;--edge:#e0e4df;
--grid:#e6e9e4;--a:#0b6b63;--a-fill:#0b6b6326;--b:#6247b8;--b-fill:#6247b826;--notice:#43705a;--warning:#c9650f;
--critical:#ab1238;--cause:#8a5a0022;--cause-edge:#8a5a00}
@media (prefers-color-scheme:dark){:root{--ground:#101413;--surface:#181e1c;--ink:#e7ece9;--soft:#a0ada7;
--edge:#29322f;--grid:#26302c;--a:#59c9bb;--a-fill:#59c9bb30;--b:#b6a2ff;--b-fill:#b6a2ff30;--notice:#93bfa8;
--warning:#f3945a;--critical:#ff6f87;--cause:#e2b45024;--cause-edge:#e2b450}}
@media print{:root{color-scheme:light;--ground:#fff;--surface:#fff;--ink:#000;--soft:#444;--edge:#bbb;--grid:#ddd;
--a:#0b6b63;--a-fill:#0b6b6326;--b:#6247b8;--b-fill:#6247b826;--notice:#43705a;--warning:#c9650f;--critical:#ab1238;
--cause:#8a5a0022;--cause-edge:#8a5a00}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);line-height:1.45;print-color-adjust:exact;
-webkit-print-color-adjust:exact;font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",
"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
main{max-width:1200px;margin:0 auto;padding:28px 24px 40px}
h1{font-size:26px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em;text-wrap:balance}
h2{font-size:17px;margin:0 0 4px}
p{margin:0 0 10px;max-width:92ch}
.soft,figcaption,th{color:var(--soft)}
.soft{font-size:13.5px}
.sides{list-style:none;margin:10px 0 0;padding:0;display:flex;flex-wrap:wrap;gap:6px 26px}
.sides b{display:inline-block;min-width:1.6em;margin-right:.5em;border-radius:5px;color:var(--surface);
text-align:center}
.sides .a b{background:var(--a)}.sides .b b{background:var(--b)}
section{background:var(--surface);border:1px solid var(--edge);border-radius:14px;padding:18px 20px;margin-top:18px}
.chart{overflow-x:auto}
.chart svg{display:block;width:100%;min-width:760px;height:auto}
.lane{break-inside:avoid}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",
sans-serif;fill:var(--soft)}
svg text.name{font-size:13px;font-weight:600;fill:var(--ink)}
.tag{display:none;margin:6px 0 0;font-size:13px;font-weight:600}
svg text.a{fill:var(--a);font-weight:700}svg text.b{fill:var(--b);font-weight:700}
svg .grid{stroke:var(--grid);stroke-width:1;fill:none}
svg .base{stroke:var(--edge);stroke-width:1;fill:none}
svg .area-a{fill:var(--a-fill)}svg .area-b{fill:var(--b-fill)}
svg .line-a{fill:none;stroke:var(--a);stroke-width:1.4}svg .line-b{fill:none;stroke:var(--b);stroke-width:1.4}
svg .thin{stroke-width:.9;opacity:.75}
svg .top{opacity:.55}
svg .limit-a,svg .limit-b{stroke-width:1;stroke-dasharray:4 4;fill:none}
svg .limit-a{stroke:var(--a)}svg .limit-b{stroke:var(--b)}
svg .notice{fill:var(--notice)}svg .warning{fill:var(--warning)}svg .critical{fill:var(--critical)}
svg .cause{fill:var(--cause)}svg .cause-bar{fill:var(--cause-edge)}
.key{display:flex;flex-wrap:wrap;gap:4px 20px;margin:0 0 8px;padding:0;list-style:none;font-size:13px;
color:var(--soft)}
.key svg{width:26px;height:12px;vertical-align:-1px;margin-right:6px}
table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}
th,td{text-align:left;padding:4px 18px 4px 0;border-bottom:1px solid var(--edge);vertical-align:top}
th{font-weight:500;font-size:13px}
td.n,th.n{text-align:right}
td.in{padding-left:16px;color:var(--soft)}
td.name{overflow-wrap:anywhere;min-width:6.5em;max-width:26em}
td.when{white-space:nowrap}
details{margin-top:10px}
summary{cursor:pointer;color:var(--soft);font-size:13.5px;padding:4px 0}
.pair{display:flex;flex-wrap:wrap;gap:24px 64px}.pair>div{min-width:0;max-width:100%;overflow-x:auto}
.s-notice{color:var(--notice)}.s-warning{color:var(--warning)}.s-critical{color:var(--critical);font-weight:600}
input.pick{position:absolute;opacity:0}
nav{float:right;font-size:13.5px}
nav label{cursor:pointer;padding:3px 10px;border:1px solid var(--edge);border-radius:8px;color:var(--soft)}
#lang-en:checked~main nav label[for=lang-en],#lang-zh:checked~main nav label[for=lang-zh]{color:var(--ink);
border-color:var(--ink)}
#lang-en:focus-visible~main nav label[for=lang-en],#lang-zh:focus-visible~main nav label[for=lang-zh]{
outline:2px solid var(--a);outline-offset:2px}
@media screen and (max-width:700px){main{padding:18px 10px 28px}section{padding:14px 12px}nav{float:none;
margin-bottom:10px}.chart svg,.lane{min-width:1040px}.tag{display:block;position:sticky;left:0;width:max-content;
max-width:80vw}td.told{min-width:16em}
.lane text.name{display:none}}
#lang-en:checked~main .zh,#lang-zh:checked~main .en{display:none}
@media print{nav{display:none}main{padding:0;max-width:none}section{border:0;padding:10px 0;border-radius:0}
.chart{overflow:visible}.chart svg{min-width:0}tr{break-inside:avoid}h2,.soft{break-after:avoid}
@page{size:A4 landscape;margin:12mm}}
"""
