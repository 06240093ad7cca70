/** What a lead looks for on the board: one box for queues, agents, teams and states. */
import { computed, signal } from "@preact/signals";
import type { AgentSignal, QueueSignal } from "../contract";
import { stateName } from "../text/format";
import { board } from "./store";
import { byName, matches, wordsOf } from "./roster";

export const find = signal("");
const words = computed(() => wordsOf(find.value));
export const finding = computed(() => words.value.length > 0);

const sortedQueues = byName();
const sortedAgents = byName();

/** By name, as far as they are looked for. */
export const foundQueues = computed<QueueSignal[]>(() => {
  const queues = sortedQueues(board.value?.frame.queues ?? []);
  if (!finding.value) return queues;
  return queues.filter((each) => matches(words.value, [each.id, each.team, ...(each.issues ?? []).map((of) => of.issue)]));
});

export const foundAgents = computed<AgentSignal[]>(() => {
  const agents = sortedAgents(board.value?.frame.agents ?? []);
  if (!finding.value) return agents;
  return agents.filter((each) => matches(words.value, [each.id, each.team, stateName(each.state)]));
});

/** More than one team is on the board, so that rows must say whose they are. */
export const severalTeams = computed(() => {
  const agents = board.value?.frame.agents ?? [];
  return agents.some((each) => each.team !== agents[0]?.team);
});
