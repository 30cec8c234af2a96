// Calls methods of dag4's client for a metagraph's token, one after another, and prints what they gave.
const { dag4 } = require("@stardust-collective/dag4");

async function answers({ l0Url, l1Url, metagraphId, key, calls }) {
  dag4.di.useFetchHttpClient(fetch);
  const account = dag4.createAccount(key);
  await account.connect({ networkVersion: "2.0", testnet: true, l0Url, l1Url }, false);
  const client = account.createMetagraphTokenClient({ metagraphId, id: metagraphId, l0Url, l1Url, beUrl: "" });
  const given = [];
  for (const [name, ...parameters] of calls) {
    try {
      given.push({ answer: (await client[name](...parameters)) ?? null });
    } catch (error) {
      given.push({ error: String(error.message ?? error) });
    }
  }
  return given;
}

answers(JSON.parse(process.argv[2])).then((given) => console.log(JSON.stringify(given)));
