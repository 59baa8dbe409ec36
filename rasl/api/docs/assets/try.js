// The reference: Swagger UI, and in the sandbox a button that makes every "Execute" work at once. It fills in the token,
// and the ids of things that exist there (`x-example-ids` of the document says which call shows one of a kind).
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
// Fields of bodies that name something by another name than paths do.
const NAMED = { contact_ids: "contact_id", groups: "group_id", header_media_id: "media_id" };
// Bodies name with these what need not be ours yet.
const OUTSIDE = ["mobile", "phone_number_id"];
let ui = null;

// A part of the document with what it refers to in place.
function inlined(spec, value, above = []) {
  if (Array.isArray(value)) return value.map((item) => inlined(spec, item, above));
  if (!value || typeof value !== "object") return value;
  const { $ref, ...rest } = value;
  const whole = Object.fromEntries(Object.entries(rest).map(([key, item]) => [key, inlined(spec, item, above)]));
  if (typeof $ref !== "string" || above.includes($ref)) return $ref === undefined ? whole : { $ref, ...whole };
  const target = $ref.slice(2).split("/").reduce((it, key) => it?.[key], spec);
  return { ...inlined(spec, target, [...above, $ref]), ...whole };
}

// Swagger UI's own reader goes through the whole document for each operation that is opened.
const fast = () => ({
  fn: {
    resolveSubtree: async (spec, path) => ({ errors: [], spec: inlined(spec, path.reduce((it, key) => it?.[key], spec)) }),
  },
});

function start(spec) {
  ui = SwaggerUIBundle({
    ...(spec ? { spec } : { url: "/api/v2/openapi.json" }),
    dom_id: "#reference",
    plugins: [fast],
    deepLinking: true,
    validatorUrl: null,
    persistAuthorization: false,
    tryItOutEnabled: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
  });
}

function operationsOf(spec) {
  const found = {};
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const method of METHODS) {
      if (methods[method]) found[methods[method].operationId] = { path, method, told: methods[method] };
    }
  }
  return found;
}

class Sandbox {
  constructor(spec, token) {
    this.spec = spec;
    this.token = token;
    this.operations = operationsOf(spec);
    this.known = new Map();
  }

  async call(name, body, query = "") {
    const { path, method } = this.operations[name];
    const headers = { authorization: `Bearer ${this.token}` };
    if (body && !(body instanceof FormData)) headers["content-type"] = "application/json";
    const content = body && !(body instanceof FormData) ? JSON.stringify(body) : body;
    const answer = await fetch(`${await this.placed(path)}${query ? `?${query}` : ""}`, { method: method.toUpperCase(), headers, body: content });
    return answer.ok ? (await answer.json()).data : null;
  }

  // A path with the ids of what it belongs to, such as the webhook of deliveries.
  async placed(path) {
    for (const [part, kind] of path.matchAll(/\{(\w+)\}/g)) path = path.replace(part, await this.id(kind));
    return path;
  }

  // Some id of this kind that exists; for a deletion one of its own, which nothing else needs.
  async id(kind, isForGood) {
    const told = this.spec["x-example-ids"][kind];
    if (!told) return undefined;
    if (isForGood && told.create) return (await this.make(told.create))?.[told.pointer];
    if (!this.known.has(kind)) this.known.set(kind, this.look(told, this.spec.components.parameters[kind].example));
    return this.known.get(kind);
  }

  // The one of the document's example if it is there, else the newest, else a new one.
  async look(told, example) {
    const page = told.list ? await this.call(told.list, null, `per_page=100&${told.query ?? ""}`) : null;
    const known = page?.find((item) => String(item[told.pointer]) === String(example)) ?? page?.[0];
    return (known ?? (told.create ? await this.make(told.create) : null))?.[told.pointer];
  }

  async make(name) {
    const content = this.operations[name].told.requestBody.content;
    const form = content["multipart/form-data"]?.examples;
    const body = Object.values(form ?? content["application/json"]?.examples ?? {})[0]?.value;
    if (!body) return null;
    return this.call(name, form ? await asForm(body) : unlike(await this.withIds(body)));
  }

  // A body whose ids are those of things that exist.
  async withIds(value, name = "") {
    const kind = NAMED[name] ?? name;
    if (this.spec["x-example-ids"][kind] && !OUTSIDE.includes(kind)) {
      const id = await this.id(kind);
      return id === undefined ? value : Array.isArray(value) ? [id] : id;
    }
    if (Array.isArray(value)) return Promise.all(value.map((item) => this.withIds(item)));
    if (!value || typeof value !== "object") return value;
    const found = {};
    for (const [key, item] of Object.entries(value)) found[key] = await this.withIds(item, key);
    return found;
  }

  async prepare(operation) {
    const { told, method } = operation;
    for (const [name, body] of Object.entries(told["x-example-after"] ?? {})) await this.call(name, body);
    told.parameters = await Promise.all((told.parameters ?? []).map(async (parameter) => {
      const name = parameter.$ref?.split("/").pop();
      const id = name in this.spec["x-example-ids"] ? await this.id(name, method === "delete") : undefined;
      const whole = this.spec.components.parameters[name];
      return id === undefined ? parameter : { ...whole, example: whole.schema.type === "integer" ? id : String(id) };
    }));
    showExample(told.requestBody?.content["multipart/form-data"]);
    for (const example of Object.values(told.requestBody?.content["application/json"]?.examples ?? {})) {
      example.value = await this.withIds(example.value);
    }
  }
}

const isSample = (value) => /^\w+\.(png|webp|csv)$/.test(value);

// Swagger UI fills forms with samples of its own: it is given the fields of the example only.
function showExample(form) {
  const shown = Object.values(form?.examples ?? {})[0]?.value;
  if (!shown) return;
  const fields = Object.entries(shown).map(([name, value]) => [
    name, isSample(value) ? { type: "string", format: "binary" } : { type: "string", example: String(value) },
  ]);
  form.schema = { type: "object", properties: Object.fromEntries(fields), required: Object.keys(shown) };
}

// The same with other names and numbers: what is made in passing must not be in the way of what the reader makes.
function unlike(body) {
  const number = Math.floor(Math.random() * 49000) + 10000;
  const changed = { ...body };
  if (changed.name) changed.name = `${changed.name}_${number}`;
  if (changed.phone) changed.phone = `+4420794${number}`;
  if (changed.email) changed.email = `${number}.${changed.email}`;
  return changed;
}

async function sample(name) {
  const answer = await fetch(`/docs/${name}`);
  return new File([await answer.blob()], name, { type: answer.headers.get("content-type") });
}

async function asForm(body) {
  const form = new FormData();
  for (const [name, value] of Object.entries(body)) {
    form.append(name, isSample(value) ? await sample(value) : value);
  }
  return form;
}

// Puts a sample file into every empty file field that appears: a page cannot say which one in the document.
async function fillFile(input, operations) {
  input.dataset.filled = "yes";
  const place = input.closest(".opblock")?.id.split("-").pop();
  const examples = operations[place]?.told.requestBody?.content["multipart/form-data"]?.examples ?? {};
  const field = input.closest("[data-property-name], tr")?.querySelector(".parameter__name")?.textContent.split(/[\s*]/)[0];
  const name = Object.values(examples)[0]?.value[field];
  if (!name) return;
  const given = new DataTransfer();
  given.items.add(await sample(name));
  input.files = given.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

// Calls this with everything of the reference that a selector finds, now and whenever it draws something.
function watch(selector, act) {
  const look = () => document.querySelectorAll(`#reference ${selector}`).forEach(act);
  new MutationObserver(look).observe(document.getElementById("reference"), { childList: true, subtree: true });
  look();
}

async function useDemo(token) {
  const told = document.getElementById("demo-told");
  told.textContent = "Looking around in the sandbox ...";
  const spec = await (await fetch("/api/v2/openapi.json")).json();
  const sandbox = new Sandbox(spec, token);
  for (const operation of Object.values(sandbox.operations)) await sandbox.prepare(operation);
  start(spec);
  ui.preauthorizeApiKey("bearer", token);
  watch("input[type=file]:not([data-filled])", (input) => fillFile(input, sandbox.operations));
  told.textContent = "Token and ids are filled in: open a call and press Execute.";
  document.body.dataset.demo = "ready";
}

document.addEventListener("DOMContentLoaded", () => {
  start();
  // Swagger UI leaves these without a name that is read aloud.
  watch("input[placeholder]:not([aria-label])", (input) => input.setAttribute("aria-label", input.placeholder));
  watch(".copy-to-clipboard button:not([aria-label])", (it) => it.setAttribute("aria-label", "Copy"));
  const button = document.getElementById("use-demo");
  button?.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await useDemo((await (await fetch("/docs/demo.json")).json()).token);
    } catch (error) {
      document.getElementById("demo-told").textContent = `That did not work: ${error.message}`;
      button.disabled = false;
    }
  });
});
