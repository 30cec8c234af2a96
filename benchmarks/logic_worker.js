// Times JSON logic with json-logic-js: reads and answers the lines that logic_worker.py does.
"use strict";

const jsonLogic = require("json-logic-js");
const lines = require("readline").createInterface({ input: process.stdin });

function microseconds(evaluate, seconds) {
  let batch = 16, best = Infinity;
  const until = performance.now() + seconds * 1000;
  for (;;) {
    const began = performance.now();
    for (let round = 0; round < batch; round += 1) evaluate();
    const spent = performance.now() - began;
    best = Math.min(best, spent / batch);
    if (spent < 10) batch *= 2;
    if (began > until) return best * 1000;
  }
}

lines.on("line", (line) => {
  const { expr, data, seconds } = JSON.parse(line);
  const evaluate = () => jsonLogic.apply(expr, data);
  const answer = { value: evaluate(), microseconds: microseconds(evaluate, seconds) };
  process.stdout.write(JSON.stringify(answer) + "\n");
});
