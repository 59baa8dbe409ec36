<?php
// Requests as PHP's curl extension, its streams and Guzzle make them: install php-cli, php-curl and Guzzle, then record.
$base = getenv('URL') . '/api/v2';
$bearer = 'Authorization: Bearer ' . getenv('TOKEN');
$text = ['phone' => '+442079460011', 'message' => 'Hello & welcome'];
$template = ['phone' => '442079460011', 'template_name' => 'order_update', 'language' => 'en_GB'];
$media = ['phone' => '442079460011', 'media_type' => 'document', 'caption' => 'Your invoice'];
$cta = ['phone' => '442079460011', 'message' => 'See our sale', 'button_text' => 'Open', 'button_url' => 'https://example.com/sale'];
$contact = ['type' => 'lead', 'status_id' => 900006, 'source_id' => 900005, 'firstname' => 'Zoe', 'lastname' => 'Ng', 'phone' => '442079460777', 'email' => 'zoe@example.com'];
$buttons = ['phone' => '442079460011', 'type' => 'button', 'body_text' => 'Sure?', 'buttons' => [['id' => 1, 'title' => 'Yes'], ['id' => 2, 'title' => 'No']]];
$note = '/tmp/note.txt';
copy(__DIR__ . '/note.txt', $note);

function say($name, $method, $path, $body = null, $headers = []) {
    global $base, $bearer;
    $curl = curl_init($base . $path);
    curl_setopt_array($curl, [CURLOPT_CUSTOMREQUEST => $method, CURLOPT_RETURNTRANSFER => true,
        CURLOPT_HTTPHEADER => array_merge([$bearer], $headers)]);
    if ($method === 'HEAD') curl_setopt($curl, CURLOPT_NOBODY, true);
    if ($body !== null) curl_setopt($curl, CURLOPT_POSTFIELDS, $body);
    if (curl_exec($curl) === false) { fwrite(STDERR, curl_error($curl)); exit(1); }
    echo "$name\n";
}
$json = ['Content-Type: application/json'];

say('text_array', 'POST', '/messages/text', $text);
say('text_build_query', 'POST', '/messages/text', http_build_query($text));
say('text_json', 'POST', '/messages/text', json_encode($text), $json);
say('text_json_untyped', 'POST', '/messages/text', json_encode($text));
say('text_query', 'POST', '/messages/text?' . http_build_query($text), '');
say('text_false', 'POST', '/messages/text', http_build_query($text + ['dry_run' => false, 'contact_id' => null, 'context' => '']));
say('text_unknown', 'POST', '/messages/text', http_build_query($text + ['preview_url' => true, 'sections' => []]));
say('text_number', 'POST', '/messages/text', json_encode(['phone' => 442079460011, 'message' => 12345]), $json);
say('text_gzip', 'POST', '/messages/text', gzencode(json_encode($text)), [...$json, 'Content-Encoding: gzip']);
say('text_bom', 'POST', '/messages/text', "\xEF\xBB\xBF" . json_encode($text), $json);
say('text_bom_form', 'POST', '/messages/text', "\xEF\xBB\xBF" . http_build_query($text));
say('template_query', 'POST', '/messages/template?' . http_build_query($template + ['field_1' => 'Jo', 'field_2' => '5.50']));
say('template_build_query', 'POST', '/messages/template', http_build_query($template + ['parameters' => [1 => 'Jo', 2 => '5.50']]));
say('template_array', 'POST', '/messages/template', $template + ['field_1' => 'Jo', 'field_2' => '5.50', 'field_3' => '', 'field_4' => '']);
say('template_json', 'POST', '/messages/template', json_encode($template + ['field_1' => 'Jo', 'field_2' => '5.50']), $json);
say('media_file', 'POST', '/messages/media', $media + ['media_file' => new CURLFile($note)]);
say('media_query', 'POST', '/messages/media?' . http_build_query($media), ['media_file' => new CURLFile($note, 'text/plain', 'note.txt')]);
say('cta_build_query', 'POST', '/messages/cta', http_build_query($cta));
say('cta_array', 'POST', '/messages/cta', $cta);
say('otp_build_query', 'POST', '/auth/send-otp', http_build_query(['phone' => '442079460011', 'template_name' => 'login']));
say('contact_build_query', 'POST', '/contacts', http_build_query($contact + ['groups' => [900003, 900004], 'country_id' => 0]));
say('contact_gaps', 'POST', '/contacts', http_build_query($contact + ['groups' => array_filter([0, 900003, 0, 900004])]));
say('contact_json_gaps', 'POST', '/contacts', json_encode($contact + ['groups' => array_filter([0, 900003, 0, 900004])]), $json);
say('contact_json_empty', 'POST', '/contacts', json_encode($contact + ['groups' => [900003, 900004], 'attributes' => []]), $json);
say('contact_text_list', 'POST', '/contacts', http_build_query($contact + ['groups' => json_encode([900003, 900004])]));
say('contact_wrong', 'POST', '/contacts', http_build_query(['phone' => '12', 'email' => 'x', 'groups' => [77], 'status_id' => 78]));
say('contact_patch_form', 'POST', '/contacts/900001', http_build_query(['_method' => 'PATCH', 'firstname' => 'Anna Maria']));
say('contact_patch_array', 'POST', '/contacts/900001', ['_method' => 'PATCH', 'firstname' => 'Anna Maria']);
say('contact_patch', 'PATCH', '/contacts/900001', http_build_query(['firstname' => 'Anna Maria']));
say('source_delete', 'DELETE', '/sources/900005');
say('source_delete_form', 'POST', '/sources/900005', ['_method' => 'DELETE']);
say('list_build_query', 'GET', '/contacts?' . http_build_query(['filter' => ['type' => '', 'phone' => ''], 'fields' => '', 'page' => '']));
say('list_phone', 'GET', '/contacts?' . http_build_query(['filter' => ['phone' => '+44 20 7946 0001']]));
say('list_email', 'GET', '/contacts?' . http_build_query(['filter' => ['email' => 'Anna@example.com']]));
say('list_in', 'GET', '/contacts?' . http_build_query(['filter' => ['type' => ['in' => ['customer', 'lead']]]]));
say('list_operator', 'GET', '/contacts?' . http_build_query(['filter' => ['source_id' => ['>=' => 900005]]]));
say('list_search', 'GET', '/contacts?' . http_build_query(['search' => 'nn']));
say('list_sort', 'GET', '/contacts?' . http_build_query(['sort' => 'firstname', 'per_page' => 2]));
say('list_unknown', 'GET', '/contacts?' . http_build_query(['limit' => 1]));
say('contacts_head', 'HEAD', '/contacts');
say('buttons_build_query', 'POST', '/messages/interactive', http_build_query($buttons));
say('buttons_json', 'POST', '/messages/interactive', json_encode($buttons), $json);
say('sync', 'POST', '/templates/sync', '');

// file_get_contents speaks HTTP/1.0 unless told otherwise
file_get_contents($base . '/messages/text', false, stream_context_create(['http' => ['method' => 'POST',
    'header' => "$bearer\r\nContent-Type: application/x-www-form-urlencoded", 'content' => http_build_query($text)]]));
echo "text_stream\n";
file_get_contents($base . '/messages/text', false, stream_context_create(['http' => ['method' => 'POST',
    'header' => "X-API-Key: " . getenv('TOKEN') . "\r\nContent-Type: application/json", 'content' => json_encode($text)]]));
echo "text_stream_key\n";

require 'GuzzleHttp/autoload.php';
$guzzle = new GuzzleHttp\Client(['base_uri' => getenv('URL'), 'headers' => ['Authorization' => 'Bearer ' . getenv('TOKEN')]]);
$parts = fn ($fields) => array_map(fn ($name, $value) => ['name' => $name, 'contents' => $value], array_keys($fields), $fields);
$guzzle->post('/api/v2/messages/text', ['form_params' => $text]);
echo "guzzle_text_form\n";
$guzzle->post('/api/v2/messages/text', ['json' => $text]);
echo "guzzle_text_json\n";
$guzzle->post('/api/v2/messages/text', ['query' => $text]);
echo "guzzle_text_query\n";
$guzzle->post('/api/v2/messages/text', ['multipart' => $parts($text)]);
echo "guzzle_text_multipart\n";
$guzzle->post('/api/v2/messages/media', ['multipart' => [...$parts($media), ['name' => 'media_file', 'contents' => fopen($note, 'r')]]]);
echo "guzzle_media\n";
$guzzle->post('/api/v2/messages/media', ['query' => $media, 'multipart' => [['name' => 'media_file', 'contents' => "Invoice 7: five pounds.\n", 'filename' => 'note.txt']]]);
echo "guzzle_media_query\n";
$guzzle->post('/api/v2/contacts', ['form_params' => $contact + ['groups' => [900003, 900004]]]);
echo "guzzle_contact\n";
