// Checks the document by a validator of its own kind: every object against the structure that OpenAPI gives it.
import { createConfig, lint } from "@redocly/openapi-core";

const rules = Object.fromEntries(
  [
    "struct",
    "no-unresolved-refs",
    "no-identical-paths",
    "no-ambiguous-paths",
    "path-declaration-must-exist",
    "path-parameters-defined",
    "path-not-include-query",
    "operation-operationId-unique",
    "operation-operationId-url-safe",
    "operation-parameters-unique",
    "operation-summary",
    "operation-2xx-response",
    "operation-4xx-response",
    "no-enum-type-mismatch",
    "no-schema-type-mismatch",
    "no-invalid-media-type-examples",
    "no-invalid-parameter-examples",
    "no-unused-components",
    "no-undefined-server-variable",
    "security-defined",
    "spec-components-invalid-map-name",
  ].map((name) => [name, "error"]),
);
const problems = await lint({ ref: process.argv[2], config: await createConfig({ rules }) });
for (const { ruleId, message, location } of problems) console.log(ruleId, location[0]?.pointer, message);
process.exitCode = problems.length ? 1 : 0;
