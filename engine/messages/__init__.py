"""Everything that crosses between the window and the engine.

A request is an imperative verb (`Tokenize`), what comes back is a noun (`Tokens`). Only frozen
dataclasses, str, numbers and numpy arrays cross, at most 1 MB a message. The engine sends keys and
arguments, never sentences. These files import nothing heavier than numpy, because the window imports it.
"""

from engine.messages.documents import (
    AddDocuments as AddDocuments,
)
from engine.messages.documents import (
    AnswerAttention as AnswerAttention,
)
from engine.messages.documents import (
    Answered as Answered,
)
from engine.messages.documents import (
    AnswerToken as AnswerToken,
)
from engine.messages.documents import (
    AnswerTokens as AnswerTokens,
)
from engine.messages.documents import (
    Ask as Ask,
)
from engine.messages.documents import (
    ChooseEmbedder as ChooseEmbedder,
)
from engine.messages.documents import (
    Citation as Citation,
)
from engine.messages.documents import (
    CollectionInfo as CollectionInfo,
)
from engine.messages.documents import (
    CompareVectors as CompareVectors,
)
from engine.messages.documents import (
    CutDocuments as CutDocuments,
)
from engine.messages.documents import (
    DocumentEntry as DocumentEntry,
)
from engine.messages.documents import (
    DocumentPage as DocumentPage,
)
from engine.messages.documents import (
    DocumentText as DocumentText,
)
from engine.messages.documents import (
    EditDocument as EditDocument,
)
from engine.messages.documents import (
    IndexProgress as IndexProgress,
)
from engine.messages.documents import (
    LeftOut as LeftOut,
)
from engine.messages.documents import (
    ListDocuments as ListDocuments,
)
from engine.messages.documents import (
    ListPassages as ListPassages,
)
from engine.messages.documents import (
    MapPassages as MapPassages,
)
from engine.messages.documents import (
    OpenCollection as OpenCollection,
)
from engine.messages.documents import (
    OpenSamples as OpenSamples,
)
from engine.messages.documents import (
    Passage as Passage,
)
from engine.messages.documents import (
    PassageMap as PassageMap,
)
from engine.messages.documents import (
    Passages as Passages,
)
from engine.messages.documents import (
    PromptBuilt as PromptBuilt,
)
from engine.messages.documents import (
    PromptPart as PromptPart,
)
from engine.messages.documents import (
    ReadDocument as ReadDocument,
)
from engine.messages.documents import (
    RemoveDocuments as RemoveDocuments,
)
from engine.messages.documents import (
    ScoreRows as ScoreRows,
)
from engine.messages.documents import (
    Search as Search,
)
from engine.messages.documents import (
    SearchHit as SearchHit,
)
from engine.messages.documents import (
    SearchMode as SearchMode,
)
from engine.messages.documents import (
    SearchResult as SearchResult,
)
from engine.messages.documents import (
    VectorPair as VectorPair,
)
from engine.messages.envelope import (
    Arguments as Arguments,
)
from engine.messages.envelope import (
    Cancel as Cancel,
)
from engine.messages.envelope import (
    Ended as Ended,
)
from engine.messages.envelope import (
    Event as Event,
)
from engine.messages.envelope import (
    Quit as Quit,
)
from engine.messages.envelope import (
    Submit as Submit,
)
from engine.messages.inside import (
    HEAD_KINDS as HEAD_KINDS,
)
from engine.messages.inside import (
    POOLED as POOLED,
)
from engine.messages.inside import (
    Attend as Attend,
)
from engine.messages.inside import (
    AttendHead as AttendHead,
)
from engine.messages.inside import (
    AttentionLayer as AttentionLayer,
)
from engine.messages.inside import (
    AttentionRows as AttentionRows,
)
from engine.messages.inside import (
    AttentionSteps as AttentionSteps,
)
from engine.messages.inside import (
    CompareTokenizers as CompareTokenizers,
)
from engine.messages.inside import (
    EmbeddingMap as EmbeddingMap,
)
from engine.messages.inside import (
    EmbeddingNames as EmbeddingNames,
)
from engine.messages.inside import (
    EmbeddingPaths as EmbeddingPaths,
)
from engine.messages.inside import (
    ExplainAttention as ExplainAttention,
)
from engine.messages.inside import (
    FindAnalogy as FindAnalogy,
)
from engine.messages.inside import (
    HeadScores as HeadScores,
)
from engine.messages.inside import (
    ListVocabulary as ListVocabulary,
)
from engine.messages.inside import (
    LookUp as LookUp,
)
from engine.messages.inside import (
    MachineTrace as MachineTrace,
)
from engine.messages.inside import (
    MergeStep as MergeStep,
)
from engine.messages.inside import (
    MergeSteps as MergeSteps,
)
from engine.messages.inside import (
    NearTokens as NearTokens,
)
from engine.messages.inside import (
    Project as Project,
)
from engine.messages.inside import (
    ReplayMerges as ReplayMerges,
)
from engine.messages.inside import (
    ScoreHeads as ScoreHeads,
)
from engine.messages.inside import (
    TokenizerColumn as TokenizerColumn,
)
from engine.messages.inside import (
    TokenRow as TokenRow,
)
from engine.messages.inside import (
    Trace as Trace,
)
from engine.messages.inside import (
    TracePaths as TracePaths,
)
from engine.messages.inside import (
    VocabularyPage as VocabularyPage,
)
from engine.messages.work import (
    STAGES as STAGES,
)
from engine.messages.work import (
    Candidates as Candidates,
)
from engine.messages.work import (
    Downloaded as Downloaded,
)
from engine.messages.work import (
    DownloadModel as DownloadModel,
)
from engine.messages.work import (
    EngineReady as EngineReady,
)
from engine.messages.work import (
    EstimateTraining as EstimateTraining,
)
from engine.messages.work import (
    Generate as Generate,
)
from engine.messages.work import (
    GeneratedToken as GeneratedToken,
)
from engine.messages.work import (
    GeneratedTokens as GeneratedTokens,
)
from engine.messages.work import (
    Hello as Hello,
)
from engine.messages.work import (
    InspectText as InspectText,
)
from engine.messages.work import (
    ListPresets as ListPresets,
)
from engine.messages.work import (
    ListRuns as ListRuns,
)
from engine.messages.work import (
    ModelInfo as ModelInfo,
)
from engine.messages.work import (
    Notice as Notice,
)
from engine.messages.work import (
    OpenModel as OpenModel,
)
from engine.messages.work import (
    Presets as Presets,
)
from engine.messages.work import (
    Progress as Progress,
)
from engine.messages.work import (
    ReadRun as ReadRun,
)
from engine.messages.work import (
    RunSummary as RunSummary,
)
from engine.messages.work import (
    SamplingSettings as SamplingSettings,
)
from engine.messages.work import (
    SteerTraining as SteerTraining,
)
from engine.messages.work import (
    TextInfo as TextInfo,
)
from engine.messages.work import (
    Tokenize as Tokenize,
)
from engine.messages.work import (
    Tokens as Tokens,
)
from engine.messages.work import (
    Train as Train,
)
from engine.messages.work import (
    TrainingEstimate as TrainingEstimate,
)
from engine.messages.work import (
    TrainingPoints as TrainingPoints,
)
from engine.messages.work import (
    TrainingResult as TrainingResult,
)
from engine.messages.work import (
    TrainingSample as TrainingSample,
)
from engine.messages.work import (
    TrainingSettings as TrainingSettings,
)
from engine.messages.work import (
    TrainingStarted as TrainingStarted,
)
from engine.messages.work import (
    Weigh as Weigh,
)
