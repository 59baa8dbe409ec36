// Requests as Go's net/http makes them: record with `go run programs/go.go`.
package main

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
)

var base = os.Getenv("URL") + "/api/v2"

func say(name, method, path, contentType string, body io.Reader) {
	request, err := http.NewRequest(method, base+path, body)
	if err != nil {
		panic(err)
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	answer.Body.Close()
	fmt.Println(name)
}

func main() {
	text := url.Values{"phone": {"+442079460011"}, "message": {"Hello & welcome"}}
	form := "application/x-www-form-urlencoded"
	say("text_form", "POST", "/messages/text", form, strings.NewReader(text.Encode()))
	say("text_query", "POST", "/messages/text?"+text.Encode(), "", nil)
	say("text_stream", "POST", "/messages/text", "application/json",
		io.MultiReader(strings.NewReader(`{"phone":"+442079460011","message":"Hello `), strings.NewReader(`\u0026 welcome"}`)))
	media := &bytes.Buffer{}
	writer := multipart.NewWriter(media)
	writer.WriteField("phone", "442079460011")
	writer.WriteField("media_type", "document")
	writer.WriteField("caption", "Your invoice")
	file, _ := writer.CreateFormFile("media_file", "note.txt")
	file.Write([]byte("Invoice 7: five pounds.\n"))
	writer.Close()
	say("media", "POST", "/messages/media", writer.FormDataContentType(), media)
	contact := url.Values{"type": {"lead"}, "status_id": {"900006"}, "source_id": {"900005"}, "firstname": {"Zoe"}, "lastname": {"Ng"}, "phone": {"442079460777"},
		"email": {"zoe@example.com"}, "groups": {"900003", "900004"}}
	say("contact", "POST", "/contacts", form, strings.NewReader(contact.Encode()))
	say("list_in", "GET", "/contacts?"+url.Values{"filter[type][in]": {"customer", "lead"}}.Encode(), "", nil)
	say("source_delete", "DELETE", "/sources/900005", "", nil)
}
