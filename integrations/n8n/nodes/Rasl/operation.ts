/** What the nodes know of the API: `operations.ts` is made of its OpenAPI document. */

export interface Field {
	name: string;
	title: string;
	description?: string;
	in?: 'path' | 'query' | 'body';
	/**
	 * How n8n asks for it. `list`: several values, with commas; `map`: names and values; `group`, `groups`: an object,
	 * and several; `filter`: conditions of a list; `variables`: what the chosen template asks for; `file`: the name of
	 * the field with the binary data.
	 */
	kind:
		| 'string'
		| 'number'
		| 'boolean'
		| 'options'
		| 'choices'
		| 'list'
		| 'map'
		| 'group'
		| 'groups'
		| 'json'
		| 'filter'
		| 'variables'
		| 'file';
	/** Of the items of a list. */
	of?: 'string' | 'number';
	options?: Array<string | number | boolean>;
	/** The loader that asks the account for the values. */
	load?: string;
	fields?: Field[];
	default?: boolean;
	isRequired?: boolean;
	/** Asked for at once, though it may be left out. */
	isFirst?: boolean;
}

export interface Operation {
	id: string;
	resource: string;
	name: string;
	summary: string;
	description: string;
	method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	path: string;
	answer: 'item' | 'list' | 'file';
	/** Takes an Idempotency-Key. */
	isRepeatable: boolean;
	/** Can be left to the worker. */
	isSend: boolean;
	constants?: Record<string, string>;
	fields: Field[];
}
