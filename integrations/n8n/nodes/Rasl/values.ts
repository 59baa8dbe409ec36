import type { IDataObject } from 'n8n-workflow';

import type { Field } from './operation';

/** Return what the API gets for what was entered. Throws Error with what is wrong with it. */
export function valueOf(field: Field, entered: unknown): unknown {
	switch (field.kind) {
		case 'number':
			return entered === '' || entered === null ? null : numberOf(entered);
		case 'json':
			return typeof entered === 'string' ? JSON.parse(entered) : entered;
		case 'list':
		case 'choices':
			return listOf(entered).map((value) => (field.of === 'number' ? numberOf(value) : value));
		case 'map':
			return Object.fromEntries(rowsOf(entered).map(({ name, value }) => [name, value]));
		case 'group':
			return groupOf(field, rowsOf(entered)[0] ?? {});
		case 'groups':
			return rowsOf(entered).map((row) => groupOf(field, row));
		default:
			return entered;
	}
}

/** Return the conditions as parameters of the query: `filter[type][in]`. */
export function filtersOf(entered: unknown): IDataObject {
	return Object.fromEntries(
		rowsOf(entered).map(({ field, operator, value }) => [
			`filter[${field}]${operator && operator !== '=' ? `[${operator}]` : ''}`,
			value,
		]),
	) as IDataObject;
}

/** Return the variables of a template: by the API's names, and those with names of their own as `parameters`. */
export function variablesOf(entered: unknown): IDataObject {
	const given = Object.entries((entered as { value?: IDataObject | null })?.value ?? {}).filter(
		([, value]) => value !== null && value !== '',
	);
	const isOurs = ([name]: [string, unknown]) => /^(header_|field_|button_|cards\.)/.test(name);
	const named = given.filter((one) => !isOurs(one)).map(([name, value]) => [name, String(value)]);
	return {
		...Object.fromEntries(given.filter(isOurs).map(([name, value]) => [name, String(value)])),
		...(named.length > 0 ? { parameters: Object.fromEntries(named) } : {}),
	};
}

function numberOf(entered: unknown): number {
	const value = Number(entered);
	if (Number.isNaN(value)) throw new Error(`"${entered}" is not a number`);
	return value;
}

function listOf(entered: unknown): unknown[] {
	if (Array.isArray(entered)) return entered;
	return String(entered ?? '')
		.split(/[,\n]/)
		.map((value) => value.trim())
		.filter((value) => value !== '');
}

/** Return the rows of a fixed collection, one or several. */
function rowsOf(entered: unknown): IDataObject[] {
	const item = (entered as { item?: IDataObject | IDataObject[] } | null)?.item;
	return item === undefined ? [] : Array.isArray(item) ? item : [item];
}

function groupOf(field: Field, row: IDataObject): IDataObject {
	const given = (field.fields ?? []).filter(({ name }) => row[name] !== undefined && row[name] !== '');
	return Object.fromEntries(given.map((one) => [one.name, valueOf(one, row[one.name])])) as IDataObject;
}
