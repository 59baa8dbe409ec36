import {
	NodeApiError,
	sleep,
	type IDataObject,
	type IExecuteFunctions,
	type IHookFunctions,
	type IHttpRequestMethods,
	type IHttpRequestOptions,
	type ILoadOptionsFunctions,
	type JsonObject,
} from 'n8n-workflow';

export type Context = IExecuteFunctions | ILoadOptionsFunctions | IHookFunctions;

export interface Call {
	method: IHttpRequestMethods;
	path: string;
	query?: Record<string, unknown>;
	body?: IDataObject | Buffer;
	headers?: Record<string, string>;
	isFile?: boolean;
	/** 404 is an answer like others. */
	mayBeGone?: boolean;
	itemIndex?: number;
}

export interface Answer {
	statusCode: number;
	headers: Record<string, string>;
	body: unknown;
}

const TRIES = 4;
const LONGEST_WAIT = 30;

/** Call the API; an answer that asks for patience (429, 503, 409 of a key in use) is waited for. Throws NodeApiError. */
export async function call(context: Context, wanted: Call): Promise<Answer> {
	for (let attempt = 1; ; attempt++) {
		const answer = await ask(context, wanted);
		if (answer.statusCode < 400 || (answer.statusCode === 404 && wanted.mayBeGone)) return answer;
		const wait = Number(answer.headers['retry-after']);
		if (attempt === TRIES || !(wait > 0 && wait <= LONGEST_WAIT)) throw refusal(context, wanted, answer);
		await sleep(wait * 1000);
	}
}

/** Return what the API answered, its `data`. Throws NodeApiError. */
export async function fetchData<T>(context: Context, path: string, query?: Record<string, unknown>): Promise<T> {
	const answer = await call(context, { method: 'GET', path, query });
	return (answer.body as { data: T }).data;
}

async function ask(context: Context, wanted: Call): Promise<Answer> {
	const { baseUrl } = await context.getCredentials<{ baseUrl: string }>('raslApi');
	const options: IHttpRequestOptions = {
		method: wanted.method,
		url: `${baseUrl.trim().replace(/(\/api\/v2)?\/*$/, '')}/api/v2${wanted.path}${written(wanted.query)}`,
		headers: { Accept: 'application/json', 'User-Agent': 'n8n-nodes-rasl', ...wanted.headers },
		...(wanted.body === undefined ? {} : { body: wanted.body }),
		...(wanted.isFile ? { encoding: 'arraybuffer' as const } : {}),
		json: !wanted.isFile && !Buffer.isBuffer(wanted.body),
		returnFullResponse: true,
		ignoreHttpStatusErrors: true,
	};
	const answer = (await context.helpers.httpRequestWithAuthentication.call(context, 'raslApi', options)) as Answer;
	if (answer.statusCode < 400 && wanted.isFile) return answer;
	return { ...answer, body: read(answer.body) };
}

function read(body: unknown): unknown {
	const text = Buffer.isBuffer(body) || body instanceof ArrayBuffer ? Buffer.from(body as Buffer).toString() : body;
	if (typeof text !== 'string') return text;
	try {
		return JSON.parse(text);
	} catch {
		return { error: { message: text.slice(0, 200) } };
	}
}

function written(query: Record<string, unknown> = {}): string {
	const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
	return pairs.length === 0
		? ''
		: `?${pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`).join('&')}`;
}

interface Refused {
	error?: { code?: string; message?: string; details?: Record<string, unknown> };
	meta?: { request_id?: string };
}

/** Return the refusal as the API explains it: its sentence, each wrong field, the request id. */
function refusal(context: Context, wanted: Call, { statusCode, body }: Answer): NodeApiError {
	const { error, meta } = (body ?? {}) as Refused;
	const details = Object.entries(error?.details ?? {}).map(
		([name, told]) => `${name}: ${Array.isArray(told) ? told.join('; ') : JSON.stringify(told)}`,
	);
	const description = [
		...details,
		...(error?.code ? [`Code ${error.code}`] : []),
		...(meta?.request_id ? [`Request ${meta.request_id}`] : []),
	].join('. ');
	return new NodeApiError(context.getNode(), (body ?? {}) as JsonObject, {
		message: error?.message ?? `RASL answered ${statusCode}`,
		description,
		httpCode: String(statusCode),
		...(wanted.itemIndex === undefined ? {} : { itemIndex: wanted.itemIndex }),
	});
}
