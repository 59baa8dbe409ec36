import { createHash, randomUUID } from 'node:crypto';

import {
	NodeOperationError,
	type IDataObject,
	type IExecuteFunctions,
	type INodeExecutionData,
} from 'n8n-workflow';

import { call, type Call } from './call';
import { formOf, type FilePart } from './form';
import type { Field, Operation } from './operation';
import { filtersOf, valueOf, variablesOf } from './values';

const PAGE = 100;

/** Do an operation for one item, and return what the API answered. */
export async function run(
	context: IExecuteFunctions,
	operation: Operation,
	item: number,
): Promise<INodeExecutionData[]> {
	const wanted = await callOf(context, operation, item);
	if (operation.answer === 'list') return await list(context, wanted, item);
	const answer = await call(context, { ...wanted, isFile: operation.answer === 'file' });
	if (operation.answer === 'file') {
		const property = context.getNodeParameter('binaryPropertyName', item) as string;
		const [mimeType] = (answer.headers['content-type'] ?? 'text/csv').split(';');
		const content = Buffer.from(answer.body as Buffer);
		const file = await context.helpers.prepareBinaryData(content, `${operation.id}.csv`, mimeType);
		return [{ json: {}, binary: { [property]: file }, pairedItem: { item } }];
	}
	const { data, message } = answer.body as { data?: IDataObject | IDataObject[] | null; message?: string };
	const rows = Array.isArray(data) ? data : [data ?? { success: true, message }];
	return rows.map((json) => ({ json, pairedItem: { item } }));
}

async function list(context: IExecuteFunctions, wanted: Call, item: number): Promise<INodeExecutionData[]> {
	const isAll = context.getNodeParameter('returnAll', item) as boolean;
	const limit = isAll ? Infinity : (context.getNodeParameter('limit', item) as number);
	const found: IDataObject[] = [];
	let cursor: string | undefined;
	do {
		const per_page = Math.min(PAGE, limit - found.length);
		const answer = await call(context, { ...wanted, query: { ...wanted.query, per_page, cursor } });
		const { data, meta } = answer.body as {
			data: IDataObject[];
			meta: { pagination: { next_cursor: string | null } };
		};
		found.push(...data);
		cursor = meta.pagination.next_cursor ?? undefined;
	} while (cursor !== undefined && found.length < limit);
	return found.map((json) => ({ json, pairedItem: { item } }));
}

/** Return the request for what was entered. */
async function callOf(context: IExecuteFunctions, operation: Operation, item: number): Promise<Call> {
	const more = context.getNodeParameter('additionalFields', item, {}) as IDataObject;
	const body: IDataObject = { ...operation.constants };
	const query: IDataObject = {};
	const files: FilePart[] = [];
	let path = operation.path;
	for (const field of operation.fields) {
		const isShown = field.isRequired || field.isFirst;
		const entered = isShown ? context.getNodeParameter(field.name, item) : more[field.name];
		if (field.in === 'path' && (entered === undefined || entered === null || entered === '')) {
			throw new NodeOperationError(context.getNode(), `${field.title} is empty`, { itemIndex: item });
		}
		if (entered === undefined || (!field.isRequired && isShown && entered === '')) continue;
		if (field.in === 'path') {
			path = path.replace(`{${field.name}}`, encodeURIComponent(String(entered)));
		} else if (field.kind === 'filter') {
			Object.assign(query, filtersOf(entered));
		} else if (field.kind === 'variables') {
			Object.assign(body, variablesOf(entered));
		} else if (field.kind === 'file') {
			files.push(await fileOf(context, field, String(entered), item));
		} else {
			Object.assign(field.in === 'query' ? query : body, { [field.name]: read(context, field, entered, item) });
		}
	}
	const headers = headersOf(context, operation, more, { path, body }, item);
	const wanted = { method: operation.method, path, query, itemIndex: item };
	if (files.length > 0) {
		const form = formOf(body, files);
		return { ...wanted, headers: { ...headers, 'Content-Type': form.contentType }, body: form.body };
	}
	const hasBody = operation.fields.some((field) => field.in === 'body');
	return { ...wanted, headers, ...(hasBody ? { body } : {}) };
}

function read(context: IExecuteFunctions, field: Field, entered: unknown, item: number): unknown {
	try {
		return valueOf(field, entered);
	} catch (error) {
		const why = error instanceof SyntaxError ? 'This is not valid JSON' : (error as Error).message;
		throw new NodeOperationError(context.getNode(), `${field.title}: ${why}`, { itemIndex: item });
	}
}

async function fileOf(context: IExecuteFunctions, field: Field, property: string, item: number): Promise<FilePart> {
	const about = context.helpers.assertBinaryData(item, property);
	const content = await context.helpers.getBinaryDataBuffer(item, property);
	return { name: field.name, about, content };
}

function headersOf(
	context: IExecuteFunctions,
	operation: Operation,
	more: IDataObject,
	asked: { path: string; body: IDataObject },
	item: number,
): Record<string, string> {
	const headers: Record<string, string> = {};
	if (operation.isRepeatable) {
		headers['Idempotency-Key'] = String(more.idempotencyKey || keyOf(context, asked, item));
	}
	if (operation.isSend && more.inBackground) headers.Prefer = 'respond-async';
	return headers;
}

/**
 * Return `{{$execution.id}}-{{$itemIndex}}`, and which node in which run of a loop it is: two nodes of a workflow send two
 * messages, while a retry of one sends none. What an AI agent calls in one execution is told apart by what it asks for.
 */
function keyOf(context: IExecuteFunctions, asked: { path: string; body: IDataObject }, item: number): string {
	const execution = context.getExecutionId() || randomUUID();
	const runIndex = context.evaluateExpression('{{ $runIndex }}', item) as number;
	const parts: unknown[] = [context.getInstanceId(), context.getNode().id, runIndex];
	if (context.isToolExecution?.()) parts.push(asked.path, asked.body);
	const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
	return `${execution}-${item}-${digest}`;
}
