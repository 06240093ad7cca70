import alerts from "./en/alerts.json";
import board from "./en/board.json";
import course from "./en/course.json";
import history from "./en/history.json";
import own from "./en/own.json";
import page from "./en/page.json";
import report from "./en/report.json";
import told from "./en/told.json";
import words from "./en/words.json";

/** English: a file for each part of the page. */
export const en = { ...alerts, ...board, ...course, ...history, ...own, ...page, ...report, ...told, ...words };
