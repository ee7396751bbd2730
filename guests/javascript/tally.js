// Adds up amounts. An actor in JavaScript: docs/guide-guests.md says how it is built.
//
// | message                        | answer                                      |
// |--------------------------------|---------------------------------------------|
// | {"item": "tea", "amount": 2}   | nothing; it is added                        |
// | totals                         | the total of each item, as a JSON object    |
// | anything else                  | rejected                                    |
import { get } from "raddle:actor/config@0.1.0";
import { log } from "raddle:actor/log@0.1.0";
import { decode, encode } from "./utf8.js";

// The actor's state. Each actor has its own.
const totals = new Map();

const reject = (why) => {
  // What is thrown is the error of the result: a `failure` of wit/actor.wit.
  throw { tag: "rejected", val: why };
};

const add = ({ item, amount }) => {
  if (typeof item !== "string" || !Number.isFinite(amount)) reject("no order");
  totals.set(item, (totals.get(item) ?? 0) + amount);
  log("info", "tally", `${item}: ${totals.get(item)} ${get("unit") ?? "pieces"}`);
};

const parse = (text) => {
  try {
    return JSON.parse(text) ?? {};
  } catch (error) {
    return reject(error.message);
  }
};

export const handler = {
  handle(_sender, payload) {
    const text = decode(payload);
    if (text !== "totals") return add(parse(text));
    const sorted = [...totals].sort(([a], [b]) => (a < b ? -1 : 1));
    return encode(JSON.stringify(Object.fromEntries(sorted)));
  },
};
