import type { ILoadOptionsFunctions, INodePropertyOptions, ResourceMapperFields } from 'n8n-workflow';

import { call, fetchData } from './call';

type Row = Record<string, unknown>;
type Loader = (this: ILoadOptionsFunctions) => Promise<INodePropertyOptions[]>;

const MOST = 1000;
const PAGE = 100;

async function rows(context: ILoadOptionsFunctions, path: string, query: Row = {}): Promise<Row[]> {
	const found: Row[] = [];
	let cursor: string | undefined;
	do {
		const answer = await call(context, { method: 'GET', path, query: { ...query, per_page: PAGE, cursor } });
		const { data, meta } = answer.body as {
			data: Row[];
			meta?: { pagination?: { next_cursor: string | null } };
		};
		found.push(...data);
		cursor = meta?.pagination?.next_cursor ?? undefined;
	} while (cursor !== undefined && found.length < MOST);
	return found;
}

function from(path: string, label: (row: Row) => string, value = 'id', query: Row = {}): Loader {
	return async function (this: ILoadOptionsFunctions) {
		const found = await rows(this, path, query);
		return found.map((row) => ({ name: label(row), value: row[value] as string | number }));
	};
}

const SENDABLE = { 'filter[status]': 'APPROVED' };
const nameOf = (row: Row) => String(row.name);

/** Lists of the account, by the name that fields call them. */
export const loadOptions: Record<string, Loader> = {
	groups: from('/groups', nameOf, 'id', { sort: 'name' }),
	sources: from('/sources', nameOf, 'id', { sort: 'name' }),
	statuses: from('/statuses', nameOf, 'id', { sort: 'name' }),
	tokens: from('/tokens', nameOf, 'id', { sort: 'name' }),
	imports: from('/contacts/imports', (row) => `${row.id}: ${row.file_name ?? ''} (${row.status})`),
	templates: from('/templates', (row) => `${row.template_name} (${row.language})`, 'template_id'),
	numbers: from(
		'/numbers',
		(row) => `${row.verified_name ?? ''} ${row.display_phone_number ?? row.phone_number_id}`.trim(),
		'phone_number_id',
	),
	webhooks: from('/webhooks', (row) => String(row.description || row.url)),

	async events(this: ILoadOptionsFunctions) {
		const catalogue = await fetchData<Array<{ type: string; when?: string }>>(this, '/webhooks/events');
		const nouns = [...new Set(catalogue.map(({ type }) => type.split('.')[0]))];
		const all = nouns.map((noun) => ({ name: `${noun}.*`, value: `${noun}.*`, description: `All of ${noun}` }));
		const each = catalogue.map(({ type, when }) => ({ name: type, value: type, description: when }));
		return [...all, ...each].sort((one, other) => one.name.localeCompare(other.name));
	},

	async templateNames(this: ILoadOptionsFunctions) {
		const found = await rows(this, '/templates', SENDABLE);
		const all = [...new Set(found.map((row) => String(row.template_name)))];
		return all.map((name) => ({ name, value: name }));
	},

	async languages(this: ILoadOptionsFunctions) {
		const name = this.getCurrentNodeParameter('template_name');
		const query = name ? { ...SENDABLE, 'filter[template_name]': name } : SENDABLE;
		const all = [...new Set((await rows(this, '/templates', query)).map((row) => String(row.language)))];
		return all.map((language) => ({ name: language, value: language }));
	},
};

/** What the chosen template has to be filled with: what its preview without values misses. */
export async function templateVariables(this: ILoadOptionsFunctions): Promise<ResourceMapperFields> {
	const name = this.getCurrentNodeParameter('template_name');
	const language = this.getCurrentNodeParameter('language');
	if (!name || !language) return { fields: [] };
	const [template] = await fetchData<Row[]>(this, '/templates', {
		'filter[template_name]': name,
		'filter[language]': language,
	});
	if (template === undefined) return { fields: [] };
	const answer = await call(this, {
		method: 'POST',
		path: `/templates/${template.template_id}/preview`,
		body: { values: {} },
	});
	const { missing } = (answer.body as { data: { missing: string[] } }).data;
	const ids = [...new Set([...missing, ...buttonsOf(template)])];
	return {
		fields: ids.map((id) => ({
			id,
			displayName: named(id),
			type: 'string',
			required: true,
			display: true,
			defaultMatch: false,
		})),
	};
}

/** The buttons that need a value: an address with an end of its own, a code to copy. */
function buttonsOf(template: Row): string[] {
	const buttons = JSON.parse(String(template.buttons_data ?? '[]')) as Array<{ type: string; url?: string }>;
	return buttons.flatMap(({ type, url }, place) =>
		type === 'COPY_CODE' || (type === 'URL' && url?.includes('{{')) ? [`button_${place}`] : [],
	);
}

/** Return `field_1` as Body 1, `button_0` as Button 1, and names as they are. */
function named(id: string): string {
	const [, kind, place] = /^(header_field|field|button)_(\d+)$/.exec(id) ?? [];
	if (kind === 'button') return `Button ${Number(place) + 1}`;
	return kind === undefined ? id : `${kind === 'field' ? 'Body' : 'Header'} ${place}`;
}
