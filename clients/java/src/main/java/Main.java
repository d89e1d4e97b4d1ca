import com.example.orchestrator.ApiClient;
import com.example.orchestrator.ApiException;
import com.example.orchestrator.api.TasksApi;
import com.example.orchestrator.model.AssignTaskAnswer;
import com.example.orchestrator.model.AssignTaskRequest;
import com.example.orchestrator.model.ErrorResponse;
import com.example.orchestrator.model.RequestFault;
import com.example.orchestrator.model.TaskResult;
import com.example.orchestrator.model.TestTaskParams;
import com.example.orchestrator.model.TestTaskRequest;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;

/** Assigns a task, waits for its result, and is refused, with a client that is made of the contract. */
public final class Main {
  private final ApiClient client = new ApiClient();
  private final TasksApi tasks;

  private Main(String url, String apiKey) {
    client.updateBaseUri(url);
    // A service without keys asks for none.
    client.setRequestInterceptor(request -> request.header("x-api-key", apiKey));
    // Longer than an answer is waited for below.
    client.setReadTimeout(Duration.ofSeconds(30));
    tasks = new TasksApi(client);
  }

  public static void main(String[] arguments) throws ApiException, IOException {
    String url = System.getenv().getOrDefault("ORCHESTRATOR_URL", "http://127.0.0.1:8000");
    new Main(url, System.getenv().getOrDefault("ORCHESTRATOR_API_KEY", "")).run();
  }

  private void run() throws ApiException, IOException {
    TestTaskParams params = new TestTaskParams().duration(new BigDecimal("0.2")).steps(2);
    UUID key = UUID.randomUUID();
    String taskId = assign(new TestTaskRequest().params(params), key);
    boolean isSame = assign(new TestTaskRequest().params(params), key).equals(taskId);
    System.out.println("assigned " + (isSame ? "once" : "twice"));

    TaskResult ended = waitFor(taskId);
    if (ended.getStatus().equals("failed")) {
      throw new IllegalStateException(ended.getError());
    }
    // What a task returns is between its worker and its clients: the contract can't know it.
    Map<?, ?> result = (Map<?, ?>) ended.getResult();
    System.out.println(ended.getStatus() + " after " + result.get("steps") + " steps");

    try {
      TestTaskParams wrong = new TestTaskParams().duration(BigDecimal.ONE.negate());
      assign(new TestTaskRequest().params(wrong), UUID.randomUUID());
    } catch (ApiException refused) {
      for (RequestFault fault : bodyOf(refused).getDetails().getErrors()) {
        System.out.println(
            "refused with %d: %s %s"
                .formatted(refused.getCode(), fault.getPointer(), fault.getMessage()));
      }
    }
  }

  /** Assigns a task: a request may be sent again with its key, and the task is assigned once. */
  private String assign(TestTaskRequest request, UUID key) throws ApiException {
    AssignTaskAnswer answer = tasks.assignTask(new AssignTaskRequest(request), key.toString(), false);
    return answer.getAssignTaskResponse().getTaskId();
  }

  /** Waits for the end of a task; each answer comes when it has ended, or after ten seconds. */
  private TaskResult waitFor(String taskId) throws ApiException {
    Instant deadline = Instant.now().plusSeconds(60);
    while (Instant.now().isBefore(deadline)) {
      TaskResult result = tasks.getResult(taskId, BigDecimal.TEN);
      if (result.getStatus().equals("completed") || result.getStatus().equals("failed")) {
        return result;
      }
    }
    throw new IllegalStateException("Task " + taskId + " has not ended within a minute");
  }

  /** The error's body, which this generator leaves to its caller to read. */
  private ErrorResponse bodyOf(ApiException error) throws IOException {
    return client.getObjectMapper().readValue(error.getResponseBody(), ErrorResponse.class);
  }
}
