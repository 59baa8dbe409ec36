#!/bin/sh
# Requests as documentation and shell scripts make them with curl.
cd "$(dirname "$0")" || exit 1
v2="$URL/api/v2"
say() { name=$1; shift; curl -sS -o /dev/null "$@" || exit 1; echo "$name"; }
as() { name=$1; shift; say "$name" -H "Authorization: Bearer $TOKEN" "$@"; }

as text_data "$v2/messages/text" -d phone=%2B442079460011 -d 'message=Hello %26 welcome'
as text_data_plus "$v2/messages/text" -d 'phone=+442079460011&message=Hello+%26+welcome'
as text_urlencode "$v2/messages/text" --data-urlencode phone=+442079460011 --data-urlencode 'message=Hello & welcome'
as text_form "$v2/messages/text" -F phone=+442079460011 -F 'message=Hello & welcome'
as text_json "$v2/messages/text" --json '{"phone":"+442079460011","message":"Hello & welcome"}'
as text_json_as_data "$v2/messages/text" -d '{"phone":"+442079460011","message":"Hello & welcome"}'
as text_query "$v2/messages/text?phone=%2B442079460011" -X POST --data-urlencode 'message=Hello & welcome'
as text_get "$v2/messages/text" -G -X POST --data-urlencode phone=+442079460011 --data-urlencode 'message=Hello & welcome'
as text_body_wins "$v2/messages/text?phone=%2B442079469999&message=No" -d phone=%2B442079460011 -d 'message=Hello %26 welcome'
as text_chunked "$v2/messages/text" -H 'Transfer-Encoding: chunked' --json '{"phone":"+442079460011","message":"Hello & welcome"}'
as text_expect "$v2/messages/text" -H 'Expect: 100-continue' -F phone=+442079460011 -F 'message=Hello & welcome'
as text_form_type "$v2/messages/text" -F phone=+442079460011 -F 'message=Hello & welcome;type=text/plain; charset=utf-8'
as text_form_pasted "$v2/messages/text" -F 'phone= +44 20 7946 0011 ' -F 'message=Hello & welcome'
as text_no_type "$v2/messages/text" -H 'Content-Type:' -d '{"phone":"+442079460011","message":"Hello & welcome"}'
as text_charset "$v2/messages/text" -H 'Content-Type: application/json; charset=utf-8' -d '{"phone":"+442079460011","message":"Hello & welcome"}'
printf '\357\273\277{"phone":"+442079460011","message":"Hello & welcome"}' | as text_bom "$v2/messages/text" -H 'Content-Type: application/json' --data-binary @-
printf '{"phone":"+442079460011","message":"Hello & welcome"}' | gzip -n | as text_gzip "$v2/messages/text" -H 'Content-Type: application/json' -H 'Content-Encoding: gzip' --data-binary @-
{ printf '{"phone":"+442079460011",' | gzip -n; printf '"message":"Hello & welcome"}' | gzip -n; } | as text_gzip_twice "$v2/messages/text" -H 'Content-Type: application/json' -H 'Content-Encoding: gzip' --data-binary @-
printf 'phone=%%2B442079460011&message=Hello+%%26+welcome' | gzip -n | as text_gzip_form "$v2/messages/text" -H 'Content-Encoding: gzip' --data-binary @-
as text_unknown "$v2/messages/text" -d phone=%2B442079460011 -d 'message=Hello %26 welcome' -d preview_url=true -d tags=
as text_strict "$v2/messages/text" -H 'Prefer: handling=strict' -d phone=%2B442079460011 -d 'message=Hello %26 welcome'
say text_key "$v2/messages/text" -H "X-API-Key: $TOKEN" -d phone=%2B442079460011 -d 'message=Hello %26 welcome'
say text_key_json "$v2/messages/text" -H "X-API-Key: $TOKEN" --json '{"phone":"+442079460011","message":"Hello & welcome"}'
as text_number "$v2/messages/text" --json '{"phone":442079460011,"message":12345}'
as template_query "$v2/messages/template?phone=442079460011&template_name=order_update&language=en_GB&field_1=Jo&field_2=5.50" -X POST
as template_data "$v2/messages/template" -d 'phone=442079460011&template_name=order_update&language=en_GB&field_1=Jo&field_2=5.50'
as template_json "$v2/messages/template" --json '{"phone":"442079460011","template_name":"order_update","language":"en_GB","field_1":"Jo","field_2":5.50}'
as template_surplus "$v2/messages/template" -F phone=442079460011 -F template_name=order_update -F language=en_GB -F field_1=Jo -F field_2=5.50 -F field_3= -F field_4=x
as template_blank "$v2/messages/template" -d 'phone=442079460011' -d 'template_name= order_update ' -d 'language=en_GB' -d 'field_1=Jo' -d 'field_2=5.50' -d 'header_image='
as media_query "$v2/messages/media?phone=442079460011&media_type=document&caption=Your%20invoice" -F 'media_file=@note.txt'
as media_form "$v2/messages/media" -F phone=442079460011 -F media_type=document -F 'caption=Your invoice' -F 'media_file=@note.txt;type=text/plain'
as media_typed "$v2/messages/media" -F phone=442079460011 -F media_type=document -F 'caption=Your invoice' -F 'media_file=@note.txt;type=application/octet-stream;filename=note.txt'
as cta_data "$v2/messages/cta" -d phone=442079460011 -d 'message=See our sale' -d 'button_text=Open' -d button_url=https://example.com/sale
as cta_form "$v2/messages/cta" -F phone=442079460011 -F 'message=See our sale' -F 'button_text=Open' -F button_url=https://example.com/sale -F footer_text=
as cta_json "$v2/messages/cta" --json '{"phone":"442079460011","message":"See our sale","button_text":"Open","button_url":"https://example.com/sale"}'
as otp_empty "$v2/auth/send-otp" -d phone=442079460011 -d template_name=login -d code=
as otp_given "$v2/auth/send-otp" --json '{"phone":"442079460011","template_name":"login","code":482913}'
as otp_query "$v2/auth/send-otp?phone=442079460011&template_name=login" -X POST
as contact_data "$v2/contacts" -d type=lead -d status_id=900006 -d source_id=900005 -d firstname=Zoe -d lastname=Ng -d phone=442079460777 -d 'email= zoe@example.com ' -d country_id=0 -d assigned_id=0 -d 'groups[]=900003' -d 'groups[]=900004'
as contact_form "$v2/contacts" -F type=lead -F status_id=900006 -F source_id=900005 -F firstname=Zoe -F lastname=Ng -F phone=442079460777 -F 'email=zoe@example.com' -F country_id= -F 'groups[0]=900003' -F 'groups[1]=900004'
as contact_json "$v2/contacts" --json '{"type":"lead","status_id":900006,"source_id":900005,"firstname":"Zoe","lastname":"Ng","phone":442079460777,"email":"zoe@example.com","country_id":0,"groups":["900003",900004]}'
as contact_unknown "$v2/contacts" --json '{"frstname":"Z","type":"lead","status_id":900006,"source_id":900005,"firstname":"Zoe","lastname":"Ng","phone":"442079460777","email":"zoe@example.com","groups":[900003,900004],"addedfrom":1}'
as contact_wrong "$v2/contacts" -d 'firstname=&phone=12&email=x&groups[]=77&status_id=78'
as contact_patch_form "$v2/contacts/900001" -d _method=PATCH -d 'firstname= Anna Maria '
as contact_patch "$v2/contacts/900001" -X PATCH -d 'firstname=Anna Maria'
as contact_patch_query "$v2/contacts/900001?firstname=Anna%20Maria" -X PATCH
as contact_method_query "$v2/contacts/900001?_method=patch" -F 'firstname=Anna Maria'
as source_delete_form "$v2/sources/900005" -d _method=DELETE
as source_delete "$v2/sources/900005" -X DELETE
as source_delete_multipart "$v2/sources/900005" -F _method=DELETE
as list_empty "$v2/contacts?filter[type]=&fields=&page=&sort=" -g
as list_search "$v2/contacts?search=nn"
as list_phone "$v2/contacts?filter[phone]=+442079460001" -g
as list_email "$v2/contacts" -G --data-urlencode 'filter[email]= Anna@Example.COM '
as list_operator "$v2/contacts?filter[source_id][>=]=900005" -g
as list_in "$v2/contacts?filter[type][in][]=customer&filter[type][in][]=lead" -g
as list_sort "$v2/contacts?sort=firstname&per_page=2"
as list_unknown "$v2/contacts?limit=1&filter[frstname]=Anna" -g
as contacts_head "$v2/contacts" -I
as contacts_options "$v2/contacts" -X OPTIONS
as contact_put "$v2/contacts/900001" -X PUT -d firstname=X
as sync_data "$v2/templates/sync" -X POST
as sync_empty "$v2/templates/sync" -d ''
