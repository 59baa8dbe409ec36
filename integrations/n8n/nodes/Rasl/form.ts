import { randomUUID } from 'node:crypto';

import type { IBinaryData, IDataObject } from 'n8n-workflow';

export interface FilePart {
	name: string;
	about: IBinaryData;
	content: Buffer;
}

/** Return a multipart form: the way files travel. */
export function formOf(fields: IDataObject, files: FilePart[]): { body: Buffer; contentType: string } {
	const boundary = `rasl-${randomUUID()}`;
	const parts = Object.entries(fields).flatMap(([name, value]) => {
		const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
		return [Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`)];
	});
	for (const { name, about, content } of files) {
		const fileName = (about.fileName ?? 'file').replace(/["\r\n]/g, '_');
		const head =
			`--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="${fileName}"\r\n` +
			`Content-Type: ${about.mimeType}\r\n\r\n`;
		parts.push(Buffer.from(head), content, Buffer.from('\r\n'));
	}
	parts.push(Buffer.from(`--${boundary}--\r\n`));
	return { body: Buffer.concat(parts), contentType: `multipart/form-data; boundary=${boundary}` };
}
