// What an integration does first, through the generated types: a text, a template, a file, and all contacts.
import { readFile } from "node:fs/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

const { RASL_URL, RASL_TOKEN, RASL_PICTURE } = process.env;
if (!RASL_URL || !RASL_TOKEN || !RASL_PICTURE) throw new Error("RASL_URL, RASL_TOKEN and RASL_PICTURE are not set");
const client = createClient<paths>({ baseUrl: RASL_URL, headers: { authorization: `Bearer ${RASL_TOKEN}` } });
const phone = "+442079460011";

function good<Data>(answer: { data?: Data; error?: components["schemas"]["Failure"] }): Data {
  if (answer.data === undefined) throw new Error(`${answer.error?.error.code}: ${answer.error?.error.message}`);
  return answer.data;
}

const text = good(await client.POST("/api/v2/messages/text", { body: { phone, message: "From TypeScript" } }));
const template = good(
  await client.POST("/api/v2/messages/template", {
    body: { phone, template_name: "parcel_ready", language: "en_GB", field_1: "Priya" },
  }),
);
const picture = new File([await readFile(RASL_PICTURE)], "picture.png", { type: "image/png" });
const media = good(
  await client.POST("/api/v2/messages/media", {
    body: { phone, media_type: "image", media_file: "picture.png" },
    bodySerializer: (fields) => {
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) {
        if (name === "media_file") form.append(name, picture);
        else form.append(name, String(value));
      }
      return form;
    },
  }),
);

const contacts: number[] = [];
let cursor: string | null = "";
while (cursor !== null) {
  const query: { per_page: number; cursor?: string } = cursor ? { per_page: 5, cursor } : { per_page: 5 };
  const page: components["schemas"]["ContactPage"] = good(await client.GET("/api/v2/contacts", { params: { query } }));
  contacts.push(...page.data.map((contact) => contact.id));
  cursor = page.meta.pagination?.next_cursor ?? null;
}

const refused = await client.POST("/api/v2/messages/text", { body: { phone: "+441", message: "" } });
// A dry run would answer something else.
const sent = [text, template, media].map(({ data }) => ("message_id" in data ? data.message_id : null));
console.log(JSON.stringify({ sent, contacts, refused: refused.error?.error.code }));
