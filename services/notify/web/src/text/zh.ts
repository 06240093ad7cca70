import alerts from "./zh-CN/alerts.json";
import board from "./zh-CN/board.json";
import course from "./zh-CN/course.json";
import history from "./zh-CN/history.json";
import own from "./zh-CN/own.json";
import page from "./zh-CN/page.json";
import report from "./zh-CN/report.json";
import told from "./zh-CN/told.json";
import words from "./zh-CN/words.json";

/** Chinese: a file for each part of the page. */
export const zh = { ...alerts, ...board, ...course, ...history, ...own, ...page, ...report, ...told, ...words };
