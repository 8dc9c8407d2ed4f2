// Runs answer.py on what is typed. Pyodide is fetched when Run is pressed for the first time, and never before.
const RUNTIME = new URLSearchParams(location.search).get("runtime") ?? "https://cdn.jsdelivr.net/pyodide/v0.28.3/full/";
const here = new URL(".", import.meta.url), byId = (id) => document.getElementById(id);
let starting;

async function start() {
  const { loadPyodide } = await import(new URL("pyodide.mjs", new URL(RUNTIME, here)));
  const python = await loadPyodide({ indexURL: new URL(RUNTIME, here).href });
  await python.loadPackage(["numpy", "micropip"]);
  const wheel = (await (await fetch(new URL("wheel.txt", here))).text()).trim();
  await python.pyimport("micropip").install([new URL(wheel, here).href]);
  python.FS.writeFile("answer.py", await (await fetch(new URL("answer.py", here))).text());
  return python.pyimport("answer");
}

function show(found) {
  const lines = [found.printed.trimEnd(), found.value, ...Object.entries(found.gradients).map(([n, g]) => `gradient of ${n}: ${g}`), found.error];
  byId("said").textContent = lines.filter(Boolean).join("\n");
  const picture = new DOMParser().parseFromString(found.svg || "<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml");
  byId("graph").replaceChildren(document.importNode(picture.documentElement, true));
}

byId("try").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("state").textContent = starting ? "running" : "fetching Python, a few seconds";
  try {
    const module = await (starting ??= start());
    const found = module.answer(byId("program").value);
    show(found.toJs({ dict_converter: Object.fromEntries }));
    byId("state").textContent = "";
  } catch (error) {
    starting = undefined;
    byId("state").textContent = `Python could not be started: ${error.message}`;
  }
});
