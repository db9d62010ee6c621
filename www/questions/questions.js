/** Questions to real data: a query in a box, the answer in a table, and how it was found. */
import { openPart } from "../open.js";
import { count, element, guarded, make, ms, timed } from "../page.js";
import { DATA } from "./data.js";

const MOST_ROWS = 50;

export async function startQuestions() {
  const patch = await openPart("questions", "demo-world");
  const db = patch.db("world");
  const chosen = element("questions-data");
  const asked = element("questions-asked");
  const button = element("questions-store");
  const collection = () => db.collection(chosen.value);

  chosen.replaceChildren(...Object.entries(DATA).map(([name, { title }]) => option(title, name)));

  async function store() {
    button.disabled = true;
    try {
      const { file } = DATA[chosen.value];
      const answer = await fetch(`/data/${file}`);
      if (!answer.ok) throw new Error(`the data set could not be fetched: ${answer.status}`);
      const source = await answer.json();
      const [, storing] = await timed(() =>
        patch.transaction(async (tx) => {
          const within = tx.db("world").collection(chosen.value);
          await within.drop();
          await within.insertMany(source);
        }),
      );
      element("questions-told").textContent = `${count(source.length)} documents stored in ${ms(storing)}, in one commit`;
      await show();
    } finally {
      button.disabled = false;
    }
  }

  /** What there is of the chosen data, and the first question about it. */
  async function show() {
    const { questions } = DATA[chosen.value];
    asked.replaceChildren(...questions.map(([question], at) => option(question, at)));
    const stored = await collection().count();
    element("questions-count").textContent = stored ? `${count(stored)} stored` : "none stored yet";
    button.textContent = stored ? "Store the data again" : "Store the data";
    element("questions-form").hidden = stored === 0;
    element("questions-index").hidden = stored === 0;
    element("questions-answer").hidden = stored === 0;
    take();
    await showIndexes();
    if (stored > 0) await ask();
  }

  async function showIndexes() {
    const of = collection();
    const all = await of.indexes();
    element("questions-indexes").replaceChildren(
      ...all.map(({ fields }) => {
        const line = make("li", `${fields.join(", ")} `);
        const gone = make("button", "Take it away", "plain");
        gone.setAttribute("aria-label", `Take the index over ${fields.join(", ")} away`);
        gone.addEventListener("click", guarded(async () => {
          await of.dropIndex(fields);
          await showIndexes();
          await ask();
        }));
        line.append(gone);
        return line;
      }),
    );
  }

  async function makeIndex() {
    const box = element("questions-fields");
    const given = box.value;
    const fields = given.split(",").map((field) => field.trim());
    const [, making] = await timed(() => collection().createIndex(fields));
    element("questions-told").textContent = `index made in ${ms(making)}`;
    // (The next one may be under way.)
    if (box.value === given) box.value = "";
    await showIndexes();
    await ask();
  }

  /** Puts the chosen question's query into the boxes. */
  function take() {
    const [, query, options] = DATA[chosen.value].questions[asked.value];
    element("questions-query").value = JSON.stringify(query);
    element("questions-options").value = JSON.stringify(options);
  }

  async function ask() {
    const problem = element("questions-problem");
    problem.hidden = true;
    try {
      const query = parsed("questions-query", "The query");
      const options = parsed("questions-options", "The options");
      const [docs, finding] = await timed(() => collection().find(query, options));
      const [matching, counting] = await timed(() => collection().count(query));
      const plan = await collection().explain(query, options);
      element("questions-timing").textContent =
        `${count(docs.length)} of ${count(matching)} that match, found in ${ms(finding)}, counted in ${ms(counting)}`;
      element("questions-plan").textContent = inWords(plan);
      showTable(docs);
    } catch (error) {
      // What was typed is at fault; it is told beside it.
      problem.textContent = error.message;
      problem.hidden = false;
    }
  }

  button.addEventListener("click", guarded(store));
  chosen.addEventListener("change", guarded(show));
  asked.addEventListener("change", guarded(() => (take(), ask())));
  element("questions-form").addEventListener("submit", guarded((event) => (event.preventDefault(), ask())));
  element("questions-index").addEventListener("submit", guarded((event) => (event.preventDefault(), makeIndex())));
  await show();
}

function option(text, value) {
  const made = make("option", text);
  made.value = value;
  return made;
}

/** What stands in a box, in JSON; an empty box stands for nothing asked. */
function parsed(box, what) {
  const text = element(box).value.trim();
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch (error) {
    throw new Error(`${what} is no JSON: ${error.message}`);
  }
}

function inWords({ kind, index, ordered }) {
  if (kind === "id") return "Found by its id.";
  if (kind === "scan") return "No index serves it: every document was looked at.";
  return `Found by the index over ${index.join(", ")}${ordered ? ", which gives the order, too" : ""}.`;
}

const META = ["_id", "_created", "_updated"];

function showTable(docs) {
  const fields = [...new Set(docs.flatMap((doc) => Object.keys(doc)))].filter((field) => !META.includes(field));
  const head = make("tr");
  for (const field of fields) {
    const cell = make("th", field, typeof docs[0]?.[field] === "number" ? "number" : "");
    cell.scope = "col";
    head.append(cell);
  }
  element("questions-head").replaceChildren(head);
  element("questions-rows").replaceChildren(
    ...docs.slice(0, MOST_ROWS).map((doc) => {
      const row = make("tr");
      row.append(...fields.map((field) => make("td", shown(doc[field]), typeof doc[field] === "number" ? "number" : "")));
      return row;
    }),
  );
}

const shown = (value) => {
  if (value === undefined || value === null) return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
};
