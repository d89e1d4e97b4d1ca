// An orchestrator in Go with the service's two hot routes, for `npm run bench`: net/http and go-redis alone. It checks
// nothing but that a body is JSON, and has no log, no metrics, no events and no exactly-once.
//
// The environment: REDIS_ADDRESS (host:port) and PORT.
package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	queue = "worker_queue"
	// In runes: `argsrepr_maxsize` of celery/app/amqp.py.
	longestRepresentation = 1024
)

type assignRequest struct {
	TaskType string          `json:"task_type"`
	Params   json.RawMessage `json:"params"`
}

// The answer to both routes.
type answer struct {
	TaskID    string          `json:"task_id"`
	Status    string          `json:"status"`
	Message   string          `json:"message,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Timestamp string          `json:"timestamp"`
}

// A task's metadata as Celery stores it.
type meta struct {
	Status string          `json:"status"`
	Result json.RawMessage `json:"result"`
}

// A message in Celery's protocol version 2, as kombu writes it into Redis.
type message struct {
	Body            []byte     `json:"body"` // encoding/json writes bytes in base64.
	ContentEncoding string     `json:"content-encoding"`
	ContentType     string     `json:"content-type"`
	Headers         headers    `json:"headers"`
	Properties      properties `json:"properties"`
}

type headers struct {
	Lang       string  `json:"lang"`
	Task       string  `json:"task"`
	ID         string  `json:"id"`
	Shadow     *string `json:"shadow"`
	ETA        *string `json:"eta"`
	Expires    *string `json:"expires"`
	Group      *string `json:"group"`
	Retries    int     `json:"retries"`
	TimeLimit  [2]*int `json:"timelimit"`
	RootID     string  `json:"root_id"`
	ParentID   *string `json:"parent_id"`
	ArgsRepr   string  `json:"argsrepr"`
	KwargsRepr string  `json:"kwargsrepr"`
	Origin     string  `json:"origin"`
}

type properties struct {
	CorrelationID string       `json:"correlation_id"`
	ReplyTo       string       `json:"reply_to"`
	DeliveryMode  int          `json:"delivery_mode"`
	DeliveryInfo  deliveryInfo `json:"delivery_info"`
	Priority      int          `json:"priority"`
	BodyEncoding  string       `json:"body_encoding"`
	DeliveryTag   string       `json:"delivery_tag"`
}

type deliveryInfo struct {
	Exchange   string `json:"exchange"`
	RoutingKey string `json:"routing_key"`
}

type server struct {
	redis   *redis.Client
	replyTo string
}

func main() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDRESS")})
	own := &server{redis: client, replyTo: newID()}
	routes := http.NewServeMux()
	routes.HandleFunc("POST /assign-task/", own.assign)
	routes.HandleFunc("GET /result/{id}", own.result)
	routes.HandleFunc("GET /health", own.health)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), routes))
}

func (own *server) assign(response http.ResponseWriter, request *http.Request) {
	var asked assignRequest
	if err := json.NewDecoder(request.Body).Decode(&asked); err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	id := newID()
	text, err := json.Marshal(own.messageOf(id, asked))
	if err == nil {
		err = own.redis.LPush(request.Context(), queue, text).Err()
	}
	if err != nil {
		http.Error(response, err.Error(), http.StatusInternalServerError)
		return
	}
	send(response, answer{
		TaskID:    id,
		Status:    "assigned",
		Message:   fmt.Sprintf("Task '%s' successfully assigned", asked.TaskType),
		Timestamp: now(),
	})
}

func (own *server) messageOf(id string, asked assignRequest) message {
	body := append([]byte("[["), asked.Params...)
	body = append(body, "], {}, {\"callbacks\": null, \"errbacks\": null, \"chain\": null, \"chord\": null}]"...)
	return message{
		Body:            body,
		ContentEncoding: "utf-8",
		ContentType:     "application/json",
		Headers: headers{
			Lang: "py", Task: "worker." + asked.TaskType, ID: id, RootID: id,
			ArgsRepr: representation(asked.Params), KwargsRepr: "{}", Origin: "peer-go",
		},
		Properties: properties{
			CorrelationID: id, ReplyTo: own.replyTo, DeliveryMode: 2,
			DeliveryInfo: deliveryInfo{RoutingKey: queue},
			BodyEncoding: "base64", DeliveryTag: newID(),
		},
	}
}

func (own *server) result(response http.ResponseWriter, request *http.Request) {
	id := request.PathValue("id")
	stored, err := own.redis.Get(request.Context(), "celery-task-meta-"+id).Bytes()
	if errors.Is(err, redis.Nil) {
		send(response, answer{TaskID: id, Status: "pending", Timestamp: now()})
		return
	}
	var found meta
	if err == nil {
		err = json.Unmarshal(stored, &found)
	}
	if err != nil {
		http.Error(response, err.Error(), http.StatusInternalServerError)
		return
	}
	status := "failed"
	if found.Status == "SUCCESS" {
		status = "completed"
	}
	send(response, answer{TaskID: id, Status: status, Result: found.Result, Timestamp: now()})
}

func (own *server) health(response http.ResponseWriter, request *http.Request) {
	if err := own.redis.Ping(request.Context()).Err(); err != nil {
		http.Error(response, err.Error(), http.StatusServiceUnavailable)
		return
	}
	response.WriteHeader(http.StatusOK)
}

func send(response http.ResponseWriter, value answer) {
	text, err := json.Marshal(value)
	if err != nil {
		http.Error(response, err.Error(), http.StatusInternalServerError)
		return
	}
	response.Header().Set("Access-Control-Allow-Origin", "*")
	response.Header().Set("Content-Type", "application/json")
	response.Header().Set("Content-Length", strconv.Itoa(len(text)))
	response.Write(text)
}

// The beginning of the arguments, as far as Flower shows them.
func representation(params json.RawMessage) string {
	count := 0
	for position := range string(params[:min(len(params), 4*longestRepresentation)]) {
		if count == longestRepresentation {
			return string(params[:position])
		}
		count++
	}
	return string(params[:min(len(params), 4*longestRepresentation)])
}

func newID() string {
	var random [16]byte
	rand.Read(random[:])
	random[6] = random[6]&0x0f | 0x40
	random[8] = random[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", random[:4], random[4:6], random[6:8], random[8:10], random[10:])
}

func now() string {
	return time.Now().UTC().Format(time.RFC3339Nano)
}
